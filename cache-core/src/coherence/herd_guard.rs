//! Protects the store from a stampede after an outage.
//!
//! All instances return at the same time, to a shared tier that may be empty, and request the lost entries at once.
//! That overload can outlast its cause, since every load that takes too long is retried ("Metastable Failures in the
//! Wild", Huang et al., OSDI 2022). Therefore the instances return one after another, and the number of concurrent
//! loads is limited until the store keeps up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::runtime::{Moment, random};

/// The store keeps up if no load has had to wait for this long.
const QUIET: Duration = Duration::from_secs(2);
/// The limit on loads ends after this time in any case. A service that always needs more concurrent loads than it
/// allows must not be slowed down forever by an outage that is over.
const LONGEST: Duration = Duration::from_mins(1);
/// The longest pause: long enough for the first instances to fill the most requested entries.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The period in which concurrent loads are limited.
///
/// Moments are in nanoseconds of the process clock, and 0 before any outage.
#[derive(Debug, Default)]
pub(crate) struct HerdGuard {
    /// The end, unless a load has to wait.
    until: AtomicU64,
    /// The latest end.
    at_last: AtomicU64,
}

impl HerdGuard {
    /// Starts the period: the shared tier is about to be used again.
    pub(crate) fn begin(&self, now: Moment) {
        self.at_last.store(now.after(LONGEST).0, Ordering::Release);
        self.until.store(now.after(QUIET).0, Ordering::Release);
    }

    pub(crate) fn is_active(&self, now: Moment) -> bool {
        now.0 < self.until.load(Ordering::Acquire)
    }

    /// Records that a load has to wait for a permit.
    pub(crate) fn extend(&self, now: Moment) {
        let until = now.after(QUIET).0.min(self.at_last.load(Ordering::Acquire));
        self.until.fetch_max(until, Ordering::AcqRel);
    }
}

/// Returns how long this instance waits while others return first.
///
/// It is at most the lease, since an outage costs the local tier that much anyway.
pub(crate) fn pause(lease: Duration) -> Duration {
    lease.min(LONGEST_PAUSE).mul_f64(random::fraction())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_000_000_000);

    #[test]
    fn it_ends_when_no_load_waits_and_after_a_minute_at_the_latest() {
        let recovery = HerdGuard::default();
        recovery.extend(NOW);
        assert!(!recovery.is_active(NOW), "there was no outage");
        recovery.begin(NOW);
        let step = QUIET / 2;
        let mut now = NOW;
        while now < NOW.after(LONGEST) {
            assert!(recovery.is_active(now));
            recovery.extend(now);
            now = now.after(step);
        }
        assert!(!recovery.is_active(now));
        recovery.begin(now);
        assert!(recovery.is_active(now.after(step)) && !recovery.is_active(now.after(QUIET)));
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
