//! One run.

use std::error::Error;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cache_chaos::history::{Deployment, Fault, Line, Run};
use cache_chaos::rates::Rates;
use cache_chaos::schedule::{self, Planned};
use cache_tests::PostgresServer;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::fleet::Worker;
use super::lines_of;
use super::servers::{self, Servers};
use crate::options::Options;
use crate::rows;
use crate::settings::{Load, PLACES, Profile, STEADY_TASKS, Spans, TASKS};
use crate::worker::Assignment;

/// The calm at the beginning and at the end.
const CALM: Duration = Duration::from_secs(2);

/// The work of the processes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// A number of random operations for each caller, at a fixed interval.
    Drawn { operations: u64, pace: Duration },
    /// Reads and writes at these rates, until [`World::halt`].
    Steady(Rates),
}

/// The setup of a run.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) seed: u64,
    pub(super) places: usize,
    pub(super) deployment: Deployment,
    pub(super) profile: Profile,
    pub(super) work: Work,
    /// The disabled protection.
    pub(super) without: Option<String>,
}

impl Setup {
    fn drawn(options: &Options, seed: u64) -> Self {
        // How many operations each caller makes.
        let operations = options.operations.div_ceil(PLACES as u64 * u64::from(TASKS));
        Self {
            seed,
            places: PLACES,
            deployment: options.deployment,
            profile: Profile::Short,
            work: Work::Drawn { operations, pace: options.pace },
            without: options.without.clone(),
        }
    }

    /// The duration of the operations; zero if they continue until they are halted.
    fn length(&self) -> Duration {
        match self.work {
            Work::Drawn { operations, pace } => pace * u32::try_from(operations).unwrap_or(u32::MAX),
            Work::Steady(_) => Duration::ZERO,
        }
    }

    /// The remaining load of a process that starts after `elapsed`.
    fn load(&self, place: usize, elapsed: Duration) -> Load {
        match self.work {
            Work::Drawn { pace, .. } => {
                let left = self.length().saturating_sub(elapsed).as_micros() / pace.as_micros().max(1);
                Load::Drawn { operations: u64::try_from(left).unwrap_or(0), pace }
            }
            Work::Steady(rates) => Load::Steady(rates.share(place, self.places, STEADY_TASKS)),
        }
    }
}

/// The world of a run.
pub(super) struct World<'a> {
    setup: Setup,
    database: String,
    runtime: &'a Runtime,
    folder: TempDir,
    pub(super) servers: Box<dyn Servers>,
    /// By place.
    pub(super) workers: Vec<Worker>,
    /// Workers that were killed.
    pub(super) dead: Vec<Worker>,
    pub(super) faults: Vec<Fault>,
    began: Instant,
    started: u64,
}

/// Runs a seed and returns its history.
pub(super) fn run(
    options: &Options,
    seed: u64,
    postgres: &PostgresServer,
    runtime: &Runtime,
) -> Result<Vec<Line>, Box<dyn Error>> {
    let setup = Setup::drawn(options, seed);
    let planned = plan(&setup, options.faults);
    let mut world = World::start(setup, postgres, runtime)?;
    world.go();
    for fault in planned {
        sleep(fault.calm);
        world.inject(&fault)?;
    }
    world.wait_for_all("done")?;
    sleep(CALM);
    world.read_all()?;
    world.history()
}

/// Draws the given number of faults, or as many as fit into the run.
fn plan(setup: &Setup, faults: Option<usize>) -> Vec<Planned> {
    let room = setup.length().saturating_sub(CALM * 2).as_millis() / typical(setup.deployment).as_millis();
    let count = faults.unwrap_or(usize::try_from(room).unwrap_or(0));
    let mut planned = schedule::plan(setup.seed, count, (setup.deployment, setup.places), setup.profile.spans().lock);
    if let Some(first) = planned.first_mut() {
        first.calm += CALM;
    }
    planned
}

/// A typical fault, including the calm before it. The servers of a cluster have to agree after each.
const fn typical(deployment: Deployment) -> Duration {
    Duration::from_millis(match deployment {
        Deployment::Single => 2_200,
        Deployment::Cluster => 2_800,
    })
}

impl<'a> World<'a> {
    /// Starts the servers and the processes, which wait for [`go`](Self::go).
    pub(super) fn start(setup: Setup, postgres: &PostgresServer, runtime: &'a Runtime) -> Result<Self, Box<dyn Error>> {
        let database = runtime.block_on(postgres.create_database()).url().to_owned();
        runtime.block_on(rows::create(&database))?;
        let servers = servers::start(setup.deployment, setup.places);
        let mut world = Self {
            setup,
            database,
            runtime,
            folder: tempfile::Builder::new().prefix("chaos-").tempdir()?,
            servers,
            workers: Vec::new(),
            dead: Vec::new(),
            faults: Vec::new(),
            began: Instant::now(),
            started: 0,
        };
        for place in 0..world.setup.places {
            let worker = world.start_worker(place, Duration::ZERO)?;
            world.workers.push(worker);
        }
        world.wait_for_all("ready")?;
        Ok(world)
    }

    /// Starts the callers.
    pub(super) fn go(&mut self) {
        self.began = Instant::now();
        self.order_all("go");
    }

    /// Ends callers that run until they are halted.
    pub(super) fn halt(&mut self) -> Result<(), Box<dyn Error>> {
        self.order_all("halt");
        self.wait_for_all("done")
    }

    fn order_all(&mut self, order: &str) {
        self.workers.iter_mut().for_each(|worker| worker.order(order));
    }

    fn wait_for_all(&self, word: &str) -> Result<(), Box<dyn Error>> {
        for worker in &self.workers {
            worker.wait_for(word)?;
        }
        Ok(())
    }

    fn start_worker(&mut self, place: usize, elapsed: Duration) -> Result<Worker, Box<dyn Error>> {
        self.started += 1;
        let process = format!("w{place}.{}", self.started);
        let history = self.folder.path().join(&process);
        let history = history.to_str().ok_or("a temporary folder has a name in UTF-8")?.to_owned();
        Worker::start(&Assignment {
            process,
            number: self.started,
            seed: self.setup.seed,
            redis: self.servers.url(place),
            postgres: self.database.clone(),
            history,
            profile: self.setup.profile,
            load: self.setup.load(place, elapsed),
            without: self.setup.without.clone(),
        })
    }

    /// Replaces a killed worker with one that makes the remaining operations.
    pub(super) fn replace_worker(&mut self, place: usize) -> Result<(), Box<dyn Error>> {
        let mut worker = self.start_worker(place, self.began.elapsed())?;
        worker.wait_for("ready")?;
        worker.order("go");
        self.dead.push(std::mem::replace(&mut self.workers[place], worker));
        Ok(())
    }

    /// Ends every connection to the database, repeatedly.
    pub(super) fn reset_database(&self, lasts: Duration) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        while begun.elapsed() < lasts {
            self.runtime.block_on(rows::end_connections(&self.database))?;
        }
        Ok(())
    }

    /// Makes every worker read every row once.
    fn read_all(&mut self) -> Result<(), Box<dyn Error>> {
        self.order_all("read all");
        self.wait_for_all("done")
    }

    /// Ends the processes and collects their lines.
    pub(super) fn history(mut self) -> Result<Vec<Line>, Box<dyn Error>> {
        for worker in self.workers.drain(..) {
            self.dead.push(worker.ended());
        }
        let commits = self.runtime.block_on(rows::commits(&self.database))?;
        let mut lines = vec![Line::Run(self.settings())];
        lines.extend(self.faults.iter().cloned().map(Line::Fault));
        for worker in &self.dead {
            lines.extend(lines_of(&worker.history)?);
        }
        lines.extend(commits.into_iter().map(Line::Commit));
        Ok(lines)
    }

    fn settings(&self) -> Run {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let Setup { seed, places, deployment, profile, work, without } = &self.setup;
        let Spans { lease, lock, degraded, write_timeout } = profile.spans();
        let callers = *places as u64 * u64::from(TASKS);
        Run {
            schema: cache_chaos::checker::SCHEMA,
            seed: *seed,
            deployment: *deployment,
            operations: if let Work::Drawn { operations, .. } = work { operations * callers } else { 0 },
            processes: u32::try_from(*places).unwrap_or(u32::MAX),
            lease_ns: nanos(lease),
            lock_ns: nanos(lock),
            degraded_ttl_ns: nanos(degraded),
            write_timeout_ns: nanos(write_timeout),
            without: without.clone(),
        }
    }
}
