//! One caller: operations of chance, each a line.

use std::sync::Arc;
use std::time::Duration;

use cache_chaos::chance::Chance;
use cache_chaos::history::{Line, Mode, Operation, Outcome, Read, Tier, Write};
use cache_core::testing::{Account, Source, witness};
use tokio::time::{Instant, sleep_until, timeout};

use super::Assignment;
use super::recorder::Recorder;
use crate::clock;
use crate::registers::{CachingRegisters, RegisterError};
use crate::rows::{self, Rows};
use crate::settings::{CALL, GROUPS, MEMBERS, MODES, TASKS};

/// One of the callers of a process.
pub(super) struct Caller {
    process: String,
    task: u32,
    operations: u64,
    pace: Duration,
    store: CachingRegisters<Rows>,
    recorder: Arc<Recorder>,
    chance: Chance,
    next_write: u64,
}

/// A row.
#[derive(Debug, Clone, Copy)]
struct Place {
    mode: Mode,
    group: u32,
    member: u32,
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
        store: CachingRegisters<Rows>,
        recorder: Arc<Recorder>,
    ) -> Self {
        let Assignment { process, number, seed, operations, pace, .. } = assignment;
        Self {
            process: process.clone(),
            task,
            operations: *operations,
            pace: *pace,
            store,
            recorder,
            chance: Chance::below(*seed, &[*number, u64::from(task)]),
            next_write: (number * u64::from(TASKS + 1) + u64::from(task)) << 32,
        }
    }

    /// Makes the operations at their pace. What was held up is made up for at once.
    pub(super) async fn work(mut self) {
        let begin = Instant::now() + self.chance.span(Duration::ZERO, self.pace);
        for operation in 0..self.operations {
            let number = u32::try_from(operation).unwrap_or(u32::MAX);
            sleep_until(begin + self.pace * number).await;
            self.step().await;
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
        match self.chance.less_than(1000) {
            0..80 => self.write(place, Operation::Put, None).await,
            80..105 => self.write(place, Operation::Erase, None).await,
            105..115 => self.write(place, Operation::Touch, None).await,
            115..125 => {
                let patience = self.chance.span(Duration::ZERO, Duration::from_millis(6));
                self.write(place, Operation::Put, Some(patience)).await;
            }
            _ => return self.read(place).await,
        }
        if self.chance.per_mille(300) {
            self.read(place).await;
        }
    }

    /// Some rows are asked for much more often than others.
    fn place(&mut self) -> Place {
        let rows = MODES.len() as u64 * u64::from(GROUPS * MEMBERS);
        let row = self.chance.less_than(rows) * self.chance.less_than(rows) / rows;
        let part = |number: u64, limit: u32| u32::try_from(number % u64::from(limit)).unwrap_or(0);
        let modes = MODES.len() as u64;
        Place {
            mode: MODES[usize::try_from(row % modes).unwrap_or(0)],
            group: part(row / modes, GROUPS),
            member: part(row / modes / u64::from(GROUPS), MEMBERS),
        }
    }

    async fn read(&self, place: Place) {
        let start = clock::now();
        let call = witness(self.store.read(place.group, place.member));
        let (answer, account) = in_time(call).await;
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
            tier: account.source.map(tier),
            joined: account.joined,
            outcome,
            error,
        }));
    }

    /// A caller without patience goes away in the middle of its write.
    async fn write(&mut self, place: Place, operation: Operation, patience: Option<Duration>) {
        let id = self.next_write;
        self.next_write += 1;
        let start = clock::now();
        let call = witness(self.call(place, operation, id));
        let (answer, account) = match patience {
            None => in_time(call).await,
            Some(patience) => match timeout(patience, call).await {
                Ok((answer, account)) => (answer.map_err(Failure::Store), account),
                Err(_) => (Err(Failure::Cancelled), Account::default()),
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
            announced: account.announced,
            released: account.released,
            outcome,
            error,
        }));
    }

    async fn call(&self, place: Place, operation: Operation, id: u64) -> Result<Option<u64>, RegisterError> {
        let Place { group, member, .. } = place;
        match operation {
            Operation::Put => self.store.put(group, member, id).await.map(Some),
            Operation::Erase => self.store.erase(group, member, id).await.map(Some),
            Operation::Touch => self.store.touch(group, id).await.map(|()| None),
        }
    }
}

/// Why a call has no answer.
enum Failure {
    Store(RegisterError),
    Cancelled,
    TimedOut,
}

async fn in_time<T>(call: impl Future<Output = (Result<T, RegisterError>, Account)>) -> (Result<T, Failure>, Account) {
    match timeout(CALL, call).await {
        Ok((answer, account)) => (answer.map_err(Failure::Store), account),
        Err(_) => (Err(Failure::TimedOut), Account::default()),
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
        Source::Store => Tier::Store,
    }
}
