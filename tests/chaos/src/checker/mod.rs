//! Compares a history with the promises, based on its lines alone.
//!
//! The versions that a read must show depend on the tier that answered:
//!
//! - the store: every write that was acknowledged before the read began;
//! - Redis (T1): the same; if the writer alone could not reach Redis, after the delivery;
//! - the local tier (T2): the same, the lease later; in mode `strict` (T3) as for Redis;
//! - the local tier while Redis is unreachable: the writes acknowledged `degraded_ttl` before;
//! - any tier, in the process that wrote (T4): every write that was acknowledged before;
//! - any tier, after the session token of a write was observed: that write, once it has been delivered to Redis.
//!
//! `promise.rs` has the exceptions, which are those of the protocol.

mod coverage;
mod facts;
mod floor;
mod judge;
mod promise;
mod register;
mod staleness;

use std::fmt;

pub use staleness::{Durations, Quantiles, Staleness, Why};

use crate::history::{Line, Operation, Outcome, Read};
pub use coverage::Coverage;
use facts::Facts;
pub use facts::SCHEMA;
use register::Registers;

/// A promise of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// An answer of Redis or the store shows every write acknowledged before the read.
    T1,
    /// A local hit reflects every write published longer ago than the lease.
    T2,
    /// In mode `strict` a local hit is no older than an answer of Redis.
    T3,
    /// A process reads its own writes.
    T4,
    /// A read shows the write whose session token was observed, in any process.
    Session,
    /// A degraded read is no older than `degraded_ttl`.
    Degraded,
    /// A version that is read was written, and not later than the read.
    Real,
    /// The store has every acknowledged write with the returned version, and no refused one.
    Durable,
}

/// A violation of a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The broken promise.
    pub promise: Promise,
    /// The line that breaks it.
    pub seen: Line,
    /// The oldest version that would have kept it, and the number of its write.
    pub required: Option<(u64, u64)>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: ", self.promise)?;
        if let Some((version, id)) = self.required {
            write!(f, "at least version {version} of write {id} was due in ")?;
        }
        f.write_str(&serde_json::to_string(&self.seen).map_err(|_| fmt::Error)?)
    }
}

/// The result of a check.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// The number of reads and writes that ended, with any outcome.
    pub operations: u64,
    /// The number of writes among them.
    pub writes: u64,
    /// The violations.
    pub violations: Vec<Violation>,
    /// Calls that ended with an error that is not the database's.
    pub failed: u64,
    /// Calls that ended with an error of the database.
    pub database_errors: u64,
    /// The rare events in the history.
    pub coverage: Coverage,
    /// The staleness of the reads.
    pub staleness: Staleness,
}

/// Checks a history, with its lines in any order.
///
/// # Errors
///
/// If it has no line with the run's settings, or one of another schema.
pub fn check(lines: &[Line]) -> Result<Verdict, String> {
    let facts = Facts::of(lines)?;
    let registers = Registers::new(&facts);
    let mut verdict = Verdict { coverage: Coverage::of(lines, &registers), ..Verdict::default() };
    registers.check_writes(&facts, &mut verdict.violations);
    verdict.staleness.faults(&facts);
    for line in lines {
        verdict.count(line);
        if let Line::Read(read) = line
            && read.outcome == Outcome::Ok
        {
            let judged = judge::judge(&facts, &registers, read);
            verdict.violations.extend(judged.broken.into_iter().map(|broken| broken.at(line)));
            verdict.staleness.add(read, judged.stale);
        }
    }
    Ok(verdict)
}

/// A read that returned, with the age of the version that it showed.
#[derive(Debug, Clone, Copy)]
pub struct Aged<'a> {
    /// The read.
    pub read: &'a Read,
    /// How many nanoseconds before the read a newer version was acknowledged, if any.
    pub age: Option<u64>,
}

/// The age of the version that each read showed, regardless of the version due.
///
/// # Errors
///
/// The errors of [`check`].
pub fn ages(lines: &[Line]) -> Result<Vec<Aged<'_>>, String> {
    let facts = Facts::of(lines)?;
    let registers = Registers::new(&facts);
    let reads = lines.iter().filter_map(|line| if let Line::Read(read) = line { Some(read) } else { None });
    let aged = |read| Aged { read, age: judge::judge(&facts, &registers, read).stale.map(|stale| stale.nanos) };
    Ok(reads.filter(|read| read.outcome == Outcome::Ok).map(aged).collect())
}

impl Verdict {
    fn count(&mut self, line: &Line) {
        let outcome = match line {
            Line::Read(read) => read.outcome,
            Line::Write(write) => {
                self.writes += 1;
                write.outcome
            }
            _ => return,
        };
        self.operations += 1;
        match outcome {
            Outcome::Failed => self.failed += 1,
            Outcome::Refused | Outcome::Unknown => self.database_errors += 1,
            Outcome::Ok | Outcome::Cancelled => {}
        }
    }
}

impl Operation {
    /// Whether it writes every row of a group, and so returns no version.
    fn is_wide(self) -> bool {
        self == Self::Touch
    }
}

#[cfg(test)]
mod tests;
