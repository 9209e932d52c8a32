//! Calculates how stale a local hit can be. It reads no clock: callers pass in the time.

use std::time::Duration;

use crate::runtime::{GRANULARITY, Moment};

/// The entries that the local tier may return at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// None: it is disabled or not trusted, and every read goes further.
    Nothing,
    /// All entries, since no other instance writes.
    Alone,
    /// All entries that were not invalidated: the last heartbeat that returned was sent at this moment.
    TrustedSince(Moment),
    /// Entries that were loaded within this time: the shared tier is unreachable.
    Degraded(Duration),
}

/// Returns the longest time for which a local hit may miss an acknowledged write.
///
/// The time counts from the acknowledgement.
///
/// All invalidations that reached the shared tier before the last heartbeat was sent have been received, and a write is
/// acknowledged only after its invalidation has arrived there. A reading of the clock may lag by its granularity. The
/// bound does not cover a writer that could not reach the shared tier: its journal is unknown here.
pub(crate) fn staleness_bound(answers: Answers, now: Moment, lease: Duration) -> Duration {
    match answers {
        Answers::Nothing | Answers::Alone => Duration::ZERO,
        Answers::Degraded(ttl) => ttl,
        Answers::TrustedSince(sent) => (now.since(sent) + GRANULARITY).min(lease),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_from_the_last_heartbeat_to_the_lease() {
        let lease = Duration::from_secs(1);
        let sent = Moment(5_000_000_000);
        let received = |millis| (Answers::TrustedSince(sent), sent.after(Duration::from_millis(millis)));
        let table = [
            ((Answers::Nothing, Moment(u64::MAX)), 0),
            ((Answers::Alone, Moment(u64::MAX)), 0),
            ((Answers::Degraded(Duration::from_secs(2)), sent), 2000),
            (received(0), 10),
            (received(500), 510),
            (received(989), 999),
            (received(990), 1000),
            // No longer trusted at the same moment.
            (received(2_000), 1000),
        ];
        for ((answers, now), millis) in table {
            assert_eq!(staleness_bound(answers, now, lease), Duration::from_millis(millis), "{answers:?} at {now:?}");
        }
    }
}
