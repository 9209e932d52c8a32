//! After an outage: all instances come back at the same time, to a shared tier that may be empty, and what was lost is asked for
//! at once. That overload can outlast its cause, since every load that takes too long is asked for again ("Metastable Failures
//! in the Wild", Huang et al., OSDI 2022). So the instances come back one after the other, and the store is asked within a bound
//! until it keeps up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::runtime::{Moment, chance};

/// The store keeps up when no load has had to wait for so long.
const QUIET: Duration = Duration::from_secs(2);
/// The bound on loads ends by then, whatever happens: a service that always needs more loads at once than it allows must not be
/// held back for ever by an outage that is over.
const LONGEST: Duration = Duration::from_mins(1);
/// Enough for the first instances to fill what is asked for most, and no more reads of the store than that is worth.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Whether the store is still asked within a bound. Moments are in nanoseconds of the process clock, and 0 before any outage.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    /// When it ends unless a load has to wait.
    until: AtomicU64,
    /// When it ends in any case.
    at_last: AtomicU64,
}

impl Recovery {
    /// The shared tier is about to be used again.
    pub(crate) fn begin(&self, now: Moment) {
        self.at_last.store(now.after(LONGEST).0, Ordering::Release);
        self.until.store(now.after(QUIET).0, Ordering::Release);
    }

    pub(crate) fn is_under_way(&self, now: Moment) -> bool {
        now.0 < self.until.load(Ordering::Acquire)
    }

    /// A load has to wait for its turn.
    pub(crate) fn is_crowded(&self, now: Moment) {
        let until = now.after(QUIET).0.min(self.at_last.load(Ordering::Acquire));
        self.until.fetch_max(until, Ordering::AcqRel);
    }
}

/// How long this instance lets others go first. Not longer than the lease: that much of the local tier an outage costs anyway.
pub(crate) fn pause(lease: Duration) -> Duration {
    lease.min(LONGEST_PAUSE).mul_f64(chance::fraction())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_000_000_000);

    #[test]
    fn it_ends_when_nobody_has_to_wait_any_more_and_after_a_minute_at_the_latest() {
        let recovery = Recovery::default();
        recovery.is_crowded(NOW);
        assert!(!recovery.is_under_way(NOW), "there was no outage");
        recovery.begin(NOW);
        let step = QUIET / 2;
        let mut now = NOW;
        while now < NOW.after(LONGEST) {
            assert!(recovery.is_under_way(now));
            recovery.is_crowded(now);
            now = now.after(step);
        }
        assert!(!recovery.is_under_way(now));
        recovery.begin(now);
        assert!(recovery.is_under_way(now.after(step)) && !recovery.is_under_way(now.after(QUIET)));
    }

    #[test]
    fn a_pause_is_bounded_by_the_lease_and_by_half_a_second() {
        for (lease, bound) in [(200, 200), (1000, 500), (60_000, 500)] {
            let pauses: Vec<Duration> = (0..100).map(|_| pause(Duration::from_millis(lease))).collect();
            assert!(pauses.iter().all(|pause| *pause <= Duration::from_millis(bound)));
            assert!(pauses.iter().any(|pause| *pause > Duration::from_millis(bound / 2)), "they differ");
        }
    }
}
