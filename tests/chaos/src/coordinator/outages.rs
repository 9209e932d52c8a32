//! Measures outages of all processes, one after the other, and prints a table.

use std::collections::VecDeque;
use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::Duration;

use cache_chaos::checker;
use cache_chaos::history::{Deployment, FaultKind, Line, read_history, write_history};
use cache_chaos::outages::{Figures, Table};
use cache_chaos::rates::Rates;
use cache_chaos::schedule::Planned;
use cache_tests::PostgresServer;
use tokio::runtime::Runtime;

use super::run::{Setup, Work, World};
use super::{is_refuted, show};
use crate::options::{Options, OutageOptions};
use crate::settings::Profile;

/// The reads and writes per second of all processes together.
///
/// In every other run each process does both. That case is easier, since a process that also reads notices an outage
/// sooner.
const RATES: Rates = Rates { reads: 1_000, writes: 45, split: true };

/// A kind of outage to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) name: &'static str,
    kind: FaultKind,
    pub(crate) lasts: Duration,
    /// Selects a variant of the kind, as a drawn number does in a schedule.
    draw: u64,
}

const fn outage(name: &'static str, kind: FaultKind, millis: u64, draw: u64) -> Outage {
    Outage { name, kind, lasts: Duration::from_millis(millis), draw }
}

/// Both directions of a connection.
const BOTH: u64 = 2 << 32;

const OUTAGES: [Outage; 19] = [
    outage("client-pause", FaultKind::ClientPause, 3_000, 0),
    outage("debug-sleep", FaultKind::DebugSleep, 2_000, 0),
    outage("memory-full", FaultKind::Refuse, 6_000, 0),
    outage("too-few-replicas", FaultKind::Refuse, 4_000, 1),
    outage("no-evalsha", FaultKind::RightRevoked, 4_000, 0),
    outage("no-set", FaultKind::RightRevoked, 4_000, 1),
    outage("no-mget", FaultKind::RightRevoked, 4_000, 2),
    outage("no-publish", FaultKind::RightRevoked, 4_000, 3),
    outage("no-channels", FaultKind::ChannelsRevoked, 4_000, 0),
    outage("no-keys", FaultKind::KeysRevoked, 4_000, 0),
    outage("user-off", FaultKind::UserOff, 4_000, 0),
    outage("busy-script", FaultKind::BusyScript, 8_000, 0),
    outage("demoted", FaultKind::Demoted, 4_000, 0),
    outage("older-dump", FaultKind::OlderDump, 700, 0),
    outage("kill", FaultKind::RedisKill, 2_000, 0),
    outage("stop", FaultKind::RedisStop, 3_000, 0),
    outage("failover", FaultKind::Failover, 2_000, 0),
    outage("cut", FaultKind::Cut, 3_000, 1),
    outage("half-open", FaultKind::HalfOpen, 3_000, BOTH),
];

/// The outages that only a cluster has. Each is of one of its three shards.
const OF_A_CLUSTER: [Outage; 6] = [
    outage("slots-moved", FaultKind::SlotMove, 3_000, 0),
    outage("primary-killed", FaultKind::PrimaryKill, 0, 1),
    outage("primary-killed-lag", FaultKind::PrimaryKill, 1_000, 0),
    outage("primary-stopped", FaultKind::PrimaryStop, 3_000, 0),
    outage("takeover", FaultKind::Takeover, 0, 0),
    outage("shard-cut", FaultKind::ShardCut, 3_000, 0),
];

/// All kinds of outages of these servers.
pub(crate) fn outages(deployment: Deployment) -> impl Iterator<Item = Outage> {
    let all = OF_A_CLUSTER.into_iter().chain(OUTAGES);
    all.filter(move |outage| outage.kind.is_of(deployment))
}

/// Measures each outage and prints the table; returns whether the result is the expected one.
pub(crate) fn measure_all(options: &Options, outage_options: &OutageOptions) -> Result<bool, Box<dyn Error>> {
    if let Some(folder) = &options.keep {
        fs::create_dir_all(folder)?;
    }
    let postgres = PostgresServer::start();
    let runs = outage_options.kinds.iter().flat_map(|outage| (0..options.runs).map(move |number| (outage, number)));
    let queue = Queue { runs: Mutex::new(runs.enumerate().collect()), options, outage_options, postgres: &postgres };
    let mut figures = thread::scope(|scope| {
        let threads: Vec<_> = (0..outage_options.parallel).map(|_| scope.spawn(|| queue.work())).collect();
        let results = threads.into_iter().map(|thread| thread.join().map_err(|_| "a run panicked".to_owned())?);
        results.collect::<Result<Vec<_>, String>>()
    })?
    .concat();
    figures.sort_by_key(|(place, ..)| *place);
    let mut table = Table::new(outage_options.instances);
    for (_, outage, figures) in figures {
        table.add(outage, figures);
    }
    println!("\n{table}");
    Ok(match &options.without {
        Some(name) => is_refuted(name, table.broken()),
        None => table.broken() == 0 && table.failed() == 0,
    })
}

/// The figures of one run: its place in the table, and its outage.
type Measured = (usize, &'static str, Figures);

/// The remaining runs.
struct Queue<'a> {
    runs: Mutex<VecDeque<(usize, (&'a Outage, u64))>>,
    options: &'a Options,
    outage_options: &'a OutageOptions,
    postgres: &'a PostgresServer,
}

impl Queue<'_> {
    /// Measures one run after the other until the queue is empty.
    fn work(&self) -> Result<Vec<Measured>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let next = || self.runs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let mut measured = Vec::new();
        while let Some((place, (outage, number))) = next() {
            let figures = self.measure(outage, number, &runtime).map_err(|error| error.to_string())?;
            measured.push((place, outage.name, figures));
        }
        Ok(measured)
    }

    fn measure(&self, outage: &Outage, number: u64, runtime: &Runtime) -> Result<Figures, Box<dyn Error>> {
        let setup = Setup {
            seed: self.options.seed.wrapping_add(number),
            places: self.outage_options.instances,
            deployment: self.options.deployment,
            profile: Profile::Defaults,
            work: Work::Steady(Rates { split: number.is_multiple_of(2), ..RATES }),
            without: self.options.without.clone(),
        };
        let name = format!("{}-{}", outage.name, setup.seed);
        let history = run(outage, setup, self.outage_options.calm, self.postgres, runtime)?;
        if let Some(folder) = &self.options.keep {
            write_history(&folder.join(format!("{name}.jsonl")), &history)?;
        }
        Ok(print_figures(&name, &history)?)
    }
}

/// Prints the table of the kept histories `<outage>-<seed>.jsonl` in a folder.
pub(crate) fn tabulate(folder: &Path) -> Result<bool, Box<dyn Error>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut table: Option<Table> = None;
    for file in &files {
        let name = file.file_stem().and_then(OsStr::to_str).ok_or("a history has a name in UTF-8")?;
        let history = read_history(file)?;
        let processes =
            history.iter().find_map(|line| if let Line::Run(run) = line { Some(run.processes) } else { None });
        let figures = print_figures(name, &history)?;
        let outage = name.rsplit_once('-').map_or(name, |(outage, _)| outage);
        table.get_or_insert_with(|| Table::new(processes.unwrap_or(0) as usize)).add(outage, figures);
    }
    let table = table.ok_or("there is no history in that folder")?;
    println!("\n{table}");
    Ok(table.broken() == 0 && table.failed() == 0)
}

/// Runs a calm, the outage, and another calm.
fn run(
    outage: &Outage,
    setup: Setup,
    [before, after]: [Duration; 2],
    postgres: &PostgresServer,
    runtime: &Runtime,
) -> Result<Vec<Line>, Box<dyn Error>> {
    let Outage { kind, lasts, draw, .. } = *outage;
    let mut world = World::start(setup, postgres, runtime)?;
    world.go();
    sleep(before);
    world.inject(&Planned { kind, place: None, calm: before, lasts, draw, around: None })?;
    sleep(after);
    world.halt()?;
    world.history()
}

/// Prints one line for a run and its violations.
fn print_figures(name: &str, history: &[Line]) -> Result<Figures, String> {
    let verdict = checker::check(history)?;
    let figures = Figures::of(history, &verdict)?;
    println!(
        "{name}: {} reads, {} of them old, {} violations, {} errors because of Redis",
        figures.reads,
        figures.old(),
        verdict.violations.len(),
        verdict.failed
    );
    show(&verdict);
    Ok(figures)
}
