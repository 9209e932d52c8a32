//! How old an answer of the local tier can be. Pure: the time comes from outside.

use std::time::Duration;

use crate::runtime::{GRANULARITY, Moment};

/// What the local tier may answer at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Nothing: it is off or out of trust, and every read goes further.
    Nothing,
    /// Whatever it holds: nobody else writes.
    Alone,
    /// Whatever was not invalidated: the last heartbeat that came back was sent at this moment.
    HeardUntil(Moment),
    /// What was loaded no longer ago than this: the shared tier is out of reach.
    Degraded(Duration),
}

/// The longest time that may have passed since the acknowledgement of a write that a local answer does not reflect.
///
/// What had reached the shared tier before the last heartbeat was sent has been heard; a write is acknowledged after
/// its announcement got there. A reading of the clock may lie behind by its granularity. It says nothing about a writer
/// that could not reach the shared tier: what its journal holds is not known here.
pub(crate) fn staleness_bound(answers: Answers, now: Moment, lease: Duration) -> Duration {
    match answers {
        Answers::Nothing | Answers::Alone => Duration::ZERO,
        Answers::Degraded(ttl) => ttl,
        Answers::HeardUntil(sent) => (now.since(sent) + GRANULARITY).min(lease),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_from_the_last_heartbeat_to_the_lease() {
        let lease = Duration::from_secs(1);
        let sent = Moment(5_000_000_000);
        let heard = |millis| (Answers::HeardUntil(sent), sent.after(Duration::from_millis(millis)));
        let table = [
            ((Answers::Nothing, Moment(u64::MAX)), 0),
            ((Answers::Alone, Moment(u64::MAX)), 0),
            ((Answers::Degraded(Duration::from_secs(2)), sent), 2000),
            (heard(0), 10),
            (heard(500), 510),
            (heard(989), 999),
            (heard(990), 1000),
            // Not trusted any more, and asked at the same moment.
            (heard(2_000), 1000),
        ];
        for ((answers, now), millis) in table {
            assert_eq!(staleness_bound(answers, now, lease), Duration::from_millis(millis), "{answers:?} at {now:?}");
        }
    }
}
