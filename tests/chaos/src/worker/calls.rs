//! One caller: random operations, each recorded as a line.

use std::sync::Arc;
use std::time::Duration;

use cache_chaos::history::{Line, Mode, Operation, Outcome, Read, Tier, Write};
use cache_chaos::random::Random;
use cache_core::Cache;
use cache_core::testing::{CallTrace, Source, trace};
use tokio::time::{Instant, sleep_until, timeout};

use super::Assignment;
use super::recorder::Recorder;
use crate::clock;
use crate::registers::{CachingRegisters, Change, RegisterError};
use crate::rows::{self, Rows};
use crate::settings::{CALL, GROUPS, MEMBERS, MODES, TASKS};
use crate::tokens::{self, Handed};

/// One of the callers of a process.
pub(super) struct Caller {
    process: String,
    task: u32,
    cache: Cache,
    store: CachingRegisters<Rows>,
    recorder: Arc<Recorder>,
    pub(super) random: Random,
    next_write: u64,
}

/// A row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) mode: Mode,
    pub(super) group: u32,
    pub(super) member: u32,
}

impl Place {
    fn key(self) -> String {
        rows::key(self.mode, self.group, self.member)
    }
}

impl Caller {
    pub(super) fn new(
        assignment: &Assignment,
        task: u32,
        (cache, store): (Cache, CachingRegisters<Rows>),
        recorder: Arc<Recorder>,
    ) -> Self {
        let Assignment { process, number, seed, .. } = assignment;
        Self {
            process: process.clone(),
            task,
            cache,
            store,
            recorder,
            random: Random::below(*seed, &[*number, u64::from(task)]),
            next_write: (number * u64::from(TASKS + 1) + u64::from(task)) << 32,
        }
    }

    /// Makes the operations at their pace, and catches up at once after a delay.
    pub(super) async fn work(mut self, operations: u64, pace: Duration) {
        let begin = Instant::now() + self.random.span(Duration::ZERO, pace);
        for operation in 0..operations {
            let number = u32::try_from(operation).unwrap_or(u32::MAX);
            sleep_until(begin + pace * number).await;
            Box::pin(self.step()).await;
        }
    }

    /// Reads every row once.
    pub(super) async fn read_all(&self) {
        for mode in MODES {
            for group in 0..GROUPS {
                for member in 0..MEMBERS {
                    self.read(Place { mode, group, member }).await;
                }
            }
        }
    }

    async fn step(&mut self) {
        let place = self.place();
        match self.random.less_than(1000) {
            // A strict write takes as long as a lease: with an equal share of them the callers would do little else.
            0..80 if place.mode == Mode::Strict => self.read(place).await,
            0..100 => self.write(place, Operation::Put, None).await,
            100..125 => self.write(place, Operation::Erase, None).await,
            125..135 => self.write(place, Operation::Touch, None).await,
            135..145 => {
                let patience = self.random.span(Duration::ZERO, Duration::from_millis(6));
                self.write(place, Operation::Put, Some(patience)).await;
            }
            145..155 => return self.read_many(place.group).await,
            155..165 => Box::pin(self.hand_over(place)).await,
            165..180 => return self.follow().await,
            _ => return self.read(place).await,
        }
        if self.random.per_mille(300) {
            self.read(place).await;
        }
    }

    /// Draws a row; some rows are drawn much more often than others.
    fn place(&mut self) -> Place {
        let mode = match self.random.less_than(100) {
            0..68 => Mode::Safe,
            68..90 => Mode::Fast,
            _ => Mode::Strict,
        };
        let rows = u64::from(GROUPS * MEMBERS);
        let row = self.random.less_than(rows) * self.random.less_than(rows) / rows;
        let row = u32::try_from(row).unwrap_or(0);
        Place { mode, group: row % GROUPS, member: row / GROUPS }
    }

    /// Writes, and leaves the session token for a caller in another process.
    async fn hand_over(&mut self, place: Place) {
        let Place { group, member, .. } = place;
        let (cache, write) = (self.cache.clone(), self.next_write);
        let tracked = self.write(Place { mode: Mode::Safe, ..place }, Operation::Put, None);
        let ((), token) = Box::pin(cache.track(tracked)).await;
        // If a token is lost, no process observes it.
        let _ =
            tokens::leave(self.store.backing().pool(), &self.process, &Handed { group, member, write, token }).await;
    }

    /// Observes a session token of another process, and reads the row that it wrote.
    async fn follow(&self) {
        let handed = tokens::take(self.store.backing().pool(), &self.process).await;
        let Ok(Some(Handed { group, member, write, token })) = handed else { return };
        let observed = self.cache.observe(&token).then_some(write);
        self.read_after(Place { mode: Mode::Safe, group, member }, observed).await;
    }

    pub(super) async fn read(&self, place: Place) {
        self.read_after(place, None).await;
    }

    async fn read_after(&self, place: Place, observed: Option<u64>) {
        let start = clock::now();
        let (answer, call) = in_time(trace(self.load(place, start % 3))).await;
        self.record_read(place, start, observed, answer, call.source, call.joined);
    }

    /// Reads a row by one of the methods for it; `turn` chooses among those of mode safe.
    async fn load(&self, Place { mode, group, member }: Place, turn: u64) -> Result<Option<u64>, RegisterError> {
        match mode {
            Mode::Safe if turn == 0 => Ok(self.store.read_tagged(group, member).await?.version),
            Mode::Safe if turn == 1 => self.store.read_aging(group, member).await,
            Mode::Fast => self.store.read_fast(group, member).await,
            Mode::Safe => self.store.read_safe(group, member).await,
            Mode::Strict => self.store.read_strict(group, member).await,
        }
    }

    /// Makes one call, and records a line for each row, with the tier if the same one answered for all of them.
    async fn read_many(&self, group: u32) {
        let members: Vec<u32> = (0..MEMBERS).collect();
        let start = clock::now();
        let (answer, call) = in_time(trace(self.store.read_many(group, &members))).await;
        for member in members {
            let version = answer.as_ref().map(|found| found.get(&member).copied()).map_err(Clone::clone);
            let place = Place { mode: Mode::Safe, group, member };
            self.record_read(place, start, None, version, call.only_source(), call.joined);
        }
    }

    fn record_read(
        &self,
        place: Place,
        start: u64,
        observed: Option<u64>,
        answer: Result<Option<u64>, Failure>,
        source: Option<Source>,
        joined: bool,
    ) {
        let end = clock::now();
        let (outcome, error) = outcome(&answer);
        self.recorder.record(&Line::Read(Read {
            process: self.process.clone(),
            task: self.task,
            start,
            end,
            key: place.key(),
            mode: place.mode,
            version: answer.ok().flatten(),
            tier: source.map(tier),
            joined,
            observed,
            outcome,
            error,
        }));
    }

    /// Writes; a caller with a limited patience drops its write when that ends.
    pub(super) async fn write(&mut self, place: Place, operation: Operation, patience: Option<Duration>) {
        let id = self.next_write;
        self.next_write += 1;
        let start = clock::now();
        let call = trace(self.call(place, operation, id));
        let (answer, call) = match patience {
            None => in_time(call).await,
            Some(patience) => match timeout(patience, call).await {
                Ok((answer, call)) => (answer.map_err(Failure::Store), call),
                Err(_) => (Err(Failure::Cancelled), CallTrace::default()),
            },
        };
        let end = clock::now();
        let (outcome, error) = outcome(&answer);
        let wide = operation == Operation::Touch;
        self.recorder.record(&Line::Write(Write {
            process: self.process.clone(),
            task: self.task,
            start,
            end,
            key: if wide { rows::family(place.mode, place.group) } else { place.key() },
            mode: place.mode,
            operation,
            id,
            version: answer.ok().flatten(),
            locked: call.announced,
            released: call.released,
            outcome,
            error,
        }));
    }

    async fn call(&self, place: Place, operation: Operation, write: u64) -> Result<Option<u64>, RegisterError> {
        let Place { mode, group, member } = place;
        let store = &self.store;
        if operation == Operation::Touch {
            match mode {
                Mode::Fast => store.touch_fast(group, write).await?,
                Mode::Safe => store.touch_safe(group, write).await?,
                Mode::Strict => store.touch_strict(group, write).await?,
            }
            return Ok(None);
        }
        let change = Change { write, present: operation == Operation::Put };
        // Every other write of a caller stores its version.
        let stores = write.is_multiple_of(2);
        let version = match mode {
            Mode::Fast if stores => store.store_fast(group, member, change).await,
            Mode::Fast => store.write_fast(group, member, change).await,
            Mode::Safe if stores => store.store_safe(group, member, change).await,
            Mode::Safe => store.write_safe(group, member, change).await,
            Mode::Strict if stores => store.store_strict(group, member, change).await,
            Mode::Strict => store.write_strict(group, member, change).await,
        };
        version.map(Some)
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone)]
enum Failure {
    Store(RegisterError),
    Cancelled,
    TimedOut,
}

async fn in_time<T>(
    call: impl Future<Output = (Result<T, RegisterError>, CallTrace)>,
) -> (Result<T, Failure>, CallTrace) {
    match timeout(CALL, call).await {
        Ok((answer, call)) => (answer.map_err(Failure::Store), call),
        Err(_) => (Err(Failure::TimedOut), CallTrace::default()),
    }
}

fn outcome<T>(answer: &Result<T, Failure>) -> (Outcome, Option<String>) {
    let (outcome, error) = match answer {
        Ok(_) => return (Outcome::Ok, None),
        Err(Failure::Cancelled) => return (Outcome::Cancelled, None),
        Err(Failure::Store(RegisterError::Refused(error))) => (Outcome::Refused, error.clone()),
        Err(Failure::Store(RegisterError::Unknown(error))) => (Outcome::Unknown, error.clone()),
        Err(Failure::Store(RegisterError::Cache(error))) => (Outcome::Failed, error.clone()),
        Err(Failure::TimedOut) => (Outcome::Failed, format!("no answer within {CALL:?}")),
    };
    (outcome, Some(error))
}

fn tier(source: Source) -> Tier {
    match source {
        Source::Local => Tier::Local,
        Source::Degraded => Tier::Degraded,
        Source::Shared => Tier::Shared,
        Source::Store | Source::Expired => Tier::Store,
    }
}
