//! The staleness and the durations of reads, by the fault during which they ran.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::facts::Facts;
use crate::history::{FaultKind, Read};

/// How long after its end reads still count to a fault, since connections return gradually.
const AFTERMATH_NS: u64 = 2_000_000_000;

/// The permissible cause of a stale read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// A local hit before the message had arrived. Bounded by the lease.
    Lease,
    /// A local hit while Redis was unreachable. Bounded by `degraded_ttl`.
    Degraded,
    /// The write was acknowledged without delivery: its writer alone could not reach Redis.
    ///
    /// Bounded by the lease after the delivery.
    Isolated,
    /// The write was acknowledged without delivery in an outage of all processes.
    ///
    /// Each of these reads is a violation.
    Outage,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Lease => "lease",
            Self::Degraded => "degraded",
            Self::Isolated => "isolated",
            Self::Outage => "outage",
        })
    }
}

/// A read that did not show every write acknowledged before it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stale {
    /// The time since the first acknowledgement that it did not show.
    pub(super) nanos: u64,
    pub(super) why: Why,
}

/// Spans of time of reads, in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations(Vec<u64>);

/// A summary of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantiles {
    /// The number of reads.
    pub count: usize,
    /// The median.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The 99.9th percentile.
    pub p999: Duration,
    /// The maximum.
    pub max: Duration,
}

impl Durations {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The summary, if there are any reads.
    pub fn quantiles(&self) -> Option<Quantiles> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |per_mille: usize| Duration::from_nanos(sorted[(sorted.len() - 1) * per_mille / 1000]);
        let all = || Quantiles { count: sorted.len(), p50: at(500), p99: at(990), p999: at(999), max: at(1000) };
        (!sorted.is_empty()).then(all)
    }
}

/// The reads during one kind of fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    faults: u64,
    took: Durations,
    stale: BTreeMap<Why, Durations>,
}

/// The staleness of reads, by kind of fault.
#[derive(Debug, Clone, Default)]
pub struct Staleness {
    /// `None` is the calm.
    kinds: BTreeMap<Option<FaultKind>, Seen>,
    /// Start, end including the aftermath, and kind.
    spans: Vec<(u64, u64, FaultKind)>,
}

/// The figures of one kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// `None` is the calm.
    pub kind: Option<FaultKind>,
    /// The number of faults of the kind.
    pub faults: u64,
    /// The durations of the reads that began in them or shortly after.
    pub took: &'a Durations,
    /// The stale ones among them, by cause.
    pub stale: &'a BTreeMap<Why, Durations>,
}

impl Staleness {
    pub(super) fn faults(&mut self, facts: &Facts<'_>) {
        for fault in &facts.faults {
            self.kinds.entry(Some(fault.kind)).or_default().faults += 1;
            self.spans.push((fault.start, fault.end + AFTERMATH_NS, fault.kind));
        }
    }

    pub(super) fn add(&mut self, read: &Read, stale: Option<Stale>) {
        let seen = self.kinds.entry(self.fault_at(read.start)).or_default();
        seen.took.0.push(read.end - read.start);
        if let Some(Stale { nanos, why }) = stale {
            seen.stale.entry(why).or_default().0.push(nanos);
        }
    }

    /// The latest fault that had begun, unless its aftermath was over.
    fn fault_at(&self, time: u64) -> Option<FaultKind> {
        let begun = self.spans.partition_point(|(start, ..)| *start <= time);
        let (_, end, kind) = *self.spans.get(begun.checked_sub(1)?)?;
        (time <= end).then_some(kind)
    }

    /// Adds the figures of another run.
    pub fn merge(&mut self, other: Self) {
        for (kind, seen) in other.kinds {
            let own = self.kinds.entry(kind).or_default();
            own.faults += seen.faults;
            own.took.0.extend(seen.took.0);
            for (why, stale) in seen.stale {
                own.stale.entry(why).or_default().0.extend(stale.0);
            }
        }
    }

    /// The figures of each kind, the calm first.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.kinds.iter().map(|(kind, seen)| Row {
            kind: *kind,
            faults: seen.faults,
            took: &seen.took,
            stale: &seen.stale,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_observed_values() {
        assert_eq!(Durations::default().quantiles(), None);
        let reads = Durations((1..=200).rev().collect());
        let [p50, p99, p999, max] = [100, 198, 199, 200].map(Duration::from_nanos);
        assert_eq!(reads.quantiles(), Some(Quantiles { count: 200, p50, p99, p999, max }));
    }
}
