//! One run.

use std::error::Error;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cache_chaos::history::{Fault, Line, Run};
use cache_chaos::schedule::{self, Planned};
use cache_tests::PostgresServer;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::fleet::Worker;
use super::lines_of;
use super::redis::Redis;
use crate::options::Options;
use crate::rows;
use crate::settings::{DEGRADED, LEASE, LOCK, PLACES, TASKS, WRITE_TIMEOUT};
use crate::worker::Assignment;

/// The calm at the beginning and at the end.
const CALM: Duration = Duration::from_secs(2);
/// A typical fault with the calm before it.
const FAULT: Duration = Duration::from_millis(2200);

/// The world of a run.
pub(super) struct World<'a> {
    options: &'a Options,
    seed: u64,
    database: String,
    runtime: &'a Runtime,
    folder: TempDir,
    pub(super) redis: Redis,
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
    let database = runtime.block_on(postgres.create_database()).url().to_owned();
    runtime.block_on(rows::create(&database))?;
    let mut world = World::new(options, seed, database.clone(), runtime)?;
    world.go();
    for fault in world.plan() {
        sleep(fault.calm);
        world.inject(&fault)?;
    }
    world.finish()?;
    let commits = runtime.block_on(rows::commits(&database))?;
    world.history(commits.into_iter().map(Line::Commit))
}

impl<'a> World<'a> {
    fn new(options: &'a Options, seed: u64, database: String, runtime: &'a Runtime) -> Result<Self, Box<dyn Error>> {
        let mut world = Self {
            options,
            seed,
            database,
            runtime,
            folder: tempfile::Builder::new().prefix("chaos-").tempdir()?,
            redis: Redis::start(PLACES),
            workers: Vec::new(),
            dead: Vec::new(),
            faults: Vec::new(),
            began: Instant::now(),
            started: 0,
        };
        for place in 0..PLACES {
            let worker = world.start_worker(place, world.operations_each())?;
            world.workers.push(worker);
        }
        for worker in &world.workers {
            worker.wait_for("ready")?;
        }
        Ok(world)
    }

    fn go(&mut self) {
        self.began = Instant::now();
        self.workers.iter_mut().for_each(|worker| worker.order("go"));
    }

    /// How many operations each caller makes.
    fn operations_each(&self) -> u64 {
        self.options.operations.div_ceil(PLACES as u64 * u64::from(TASKS))
    }

    fn length(&self) -> Duration {
        self.options.pace * u32::try_from(self.operations_each()).unwrap_or(u32::MAX)
    }

    fn plan(&self) -> Vec<Planned> {
        let room = self.length().saturating_sub(CALM * 2).as_millis() / FAULT.as_millis();
        let count = self.options.faults.unwrap_or(usize::try_from(room).unwrap_or(0));
        let mut planned = schedule::plan(self.seed, count, PLACES, LOCK);
        if let Some(first) = planned.first_mut() {
            first.calm += CALM;
        }
        planned
    }

    fn start_worker(&mut self, place: usize, operations: u64) -> Result<Worker, Box<dyn Error>> {
        self.started += 1;
        let process = format!("w{place}.{}", self.started);
        let history = self.folder.path().join(&process);
        let history = history.to_str().ok_or("a temporary folder has a name in UTF-8")?.to_owned();
        Worker::start(&Assignment {
            process,
            number: self.started,
            seed: self.seed,
            redis: self.redis.url(place),
            postgres: self.database.clone(),
            history,
            operations,
            pace: self.options.pace,
            without: self.options.without.clone(),
        })
    }

    /// A worker in the place of one that was killed, with the operations that are left for that.
    pub(super) fn replace_worker(&mut self, place: usize) -> Result<(), Box<dyn Error>> {
        let left =
            self.length().saturating_sub(self.began.elapsed()).as_micros() / self.options.pace.as_micros().max(1);
        let mut worker = self.start_worker(place, u64::try_from(left).unwrap_or(0))?;
        worker.wait_for("ready")?;
        worker.order("go");
        self.dead.push(std::mem::replace(&mut self.workers[place], worker));
        Ok(())
    }

    /// Ends every connection to the database, again and again.
    pub(super) fn reset_database(&self, lasts: Duration) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        while begun.elapsed() < lasts {
            self.runtime.block_on(rows::end_connections(&self.database))?;
        }
        Ok(())
    }

    /// Waits for the operations, and has every worker read every row once when everything is calm.
    fn finish(&mut self) -> Result<(), Box<dyn Error>> {
        for worker in &self.workers {
            worker.wait_for("done")?;
        }
        sleep(CALM);
        self.workers.iter_mut().for_each(|worker| worker.order("read all"));
        for worker in &self.workers {
            worker.wait_for("done")?;
        }
        for worker in self.workers.drain(..) {
            self.dead.push(worker.ended());
        }
        Ok(())
    }

    fn history(self, commits: impl Iterator<Item = Line>) -> Result<Vec<Line>, Box<dyn Error>> {
        let mut lines = vec![Line::Run(self.settings())];
        lines.extend(self.faults.iter().cloned().map(Line::Fault));
        for worker in &self.dead {
            lines.extend(lines_of(&worker.history)?);
        }
        lines.extend(commits);
        Ok(lines)
    }

    fn settings(&self) -> Run {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Run {
            schema: cache_chaos::checker::SCHEMA,
            seed: self.seed,
            operations: self.options.operations,
            processes: u32::try_from(PLACES).unwrap_or(u32::MAX),
            lease_ns: nanos(LEASE),
            lock_ns: nanos(LOCK),
            degraded_ttl_ns: nanos(DEGRADED),
            write_timeout_ns: nanos(WRITE_TIMEOUT),
            without: self.options.without.clone(),
        }
    }
}
