//! Counts of rare events in a history, without which some promises are never due.

use std::ops::AddAssign;

use super::facts::Reach;
use super::register::{Registers, Version};
use crate::history::{Line, Outcome};

/// The number of rare events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Versions in the store.
    pub versions: u64,
    /// Acknowledged ones whose lock was lost before the acknowledgement, or was never placed.
    pub unlocked: u64,
    /// Writes acknowledged without delivery because the writer alone could not reach Redis.
    ///
    /// Nothing is due for them in other processes until they are delivered.
    pub isolated: u64,
    /// Writes acknowledged without delivery in an outage of all processes.
    pub outage: u64,
    /// Writes without an acknowledgement.
    ///
    /// Their writer was killed or cancelled, or the database did not answer.
    pub abandoned: u64,
    /// Those among them that are due after the end of their lock.
    pub abandoned_due: u64,
    /// Reads that had observed the session token of a write in another process.
    pub observed: u64,
}

impl Coverage {
    pub(super) fn of(lines: &[Line], registers: &Registers<'_>) -> Self {
        let mut coverage = Self::default();
        registers.versions().for_each(|version| coverage.add(version));
        let observed =
            |line: &&Line| matches!(line, Line::Read(read) if read.observed.is_some() && read.outcome == Outcome::Ok);
        coverage.observed = lines.iter().filter(observed).count() as u64;
        coverage
    }

    fn add(&mut self, version: &Version) {
        let due = &version.due;
        let acknowledged = due.own.is_some();
        self.versions += 1;
        self.unlocked += u64::from(acknowledged && !due.lock_lasted);
        self.isolated += u64::from(due.undelivered == Some(Reach::Isolated));
        self.outage += u64::from(due.undelivered == Some(Reach::Outage));
        self.abandoned += u64::from(!acknowledged);
        self.abandoned_due += u64::from(!acknowledged && due.shared.is_some());
    }
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.versions += other.versions;
        self.unlocked += other.unlocked;
        self.isolated += other.isolated;
        self.outage += other.outage;
        self.abandoned += other.abandoned;
        self.abandoned_due += other.abandoned_due;
        self.observed += other.observed;
    }
}
