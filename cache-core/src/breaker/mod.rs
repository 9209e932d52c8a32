//! The circuit breaker for a shared tier that responds badly. It reads no clock: callers pass in the time.
//!
//! A lost connection is detected without it. The breaker is for a connection that stays open without being useful, to a
//! server that is slow, frozen, out of memory or not permitted to answer. Each of its errors costs a caller up to the
//! read timeout. After a few of them the circuit opens, and callers no longer use the server (M. Nygard, "Release It!",
//! describes the pattern). Only the supervisor tries again, after a pause that grows with each consecutive opening; its
//! connection attempt is the probe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::runtime::Moment;

/// The window in which errors are counted together.
const WINDOW: Duration = Duration::from_secs(10);
/// The errors that open the circuit, if they are at least half of all replies.
const ERRORS: u32 = 5;
/// The longest first pause. Up to half of each pause is cut off at random, so that instances that failed together do
/// not return together.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// An opening this long after the previous one counts as the first again.
const CALM: Duration = Duration::from_mins(1);

/// Counts the errors and successes of the shared tier.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// Whether there was an error in the window. Without one, successes need not be counted.
    suspicious: AtomicBool,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    window_began: Moment,
    errors: u32,
    answers: u32,
    opened: Option<Opened>,
}

#[derive(Debug, Clone, Copy)]
struct Opened {
    at: Moment,
    in_a_row: u32,
}

impl Breaker {
    /// Whether successes are counted now. It is a single load, and false while there are no errors.
    pub(crate) fn is_suspicious(&self) -> bool {
        self.suspicious.load(Ordering::Relaxed)
    }

    /// Counts a successful reply.
    pub(crate) fn succeeded(&self, now: Moment) {
        let mut counts = self.counts();
        if counts.is_over(now) {
            self.suspicious.store(false, Ordering::Relaxed);
        } else {
            counts.answers += 1;
        }
    }

    /// Counts an error or a timeout; returns whether it opens the circuit.
    pub(crate) fn failed(&self, now: Moment) -> bool {
        let mut counts = self.counts();
        if counts.is_over(now) || !self.is_suspicious() {
            *counts = Counts { window_began: now, errors: 0, answers: 0, opened: counts.opened };
            self.suspicious.store(true, Ordering::Relaxed);
        }
        counts.errors += 1;
        let opens = counts.errors >= ERRORS && counts.errors >= counts.answers;
        if opens {
            counts.open(now);
            self.suspicious.store(false, Ordering::Relaxed);
        }
        opens
    }

    /// Whether the circuit opened so recently that the next connection needs a probe.
    pub(crate) fn is_wary(&self, now: Moment) -> bool {
        self.counts().opened.is_some_and(|opened| now.since(opened.at) <= CALM)
    }

    /// Returns the pause after the last opening.
    pub(crate) fn pause(&self) -> Duration {
        let in_a_row = self.counts().opened.map_or(0, |opened| opened.in_a_row);
        FIRST_PAUSE.saturating_mul(1 << in_a_row.min(8)).min(LAST_PAUSE)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn is_over(&self, now: Moment) -> bool {
        now.since(self.window_began) > WINDOW
    }

    fn open(&mut self, now: Moment) {
        let in_a_row = match self.opened {
            Some(before) if now.since(before.at) <= CALM => before.in_a_row + 1,
            _ => 0,
        };
        self.opened = Some(Opened { at: now, in_a_row });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment(1_000_000_000);

    /// An event, with its time after the start in milliseconds.
    #[derive(Clone, Copy)]
    enum Happens {
        Good(u64),
        Bad(u64),
    }
    use Happens::{Bad, Good};

    /// Returns the step at which the circuit first opens.
    fn opens_at(story: &[Happens]) -> Option<usize> {
        let breaker = Breaker::default();
        story.iter().position(|step| match *step {
            Good(after) => {
                if breaker.is_suspicious() {
                    breaker.succeeded(START.after(Duration::from_millis(after)));
                }
                false
            }
            Bad(after) => breaker.failed(START.after(Duration::from_millis(after))),
        })
    }

    #[test]
    fn it_opens_at_the_fifth_error_if_at_least_half_of_the_calls_failed() {
        let table: [(&[Happens], Option<usize>); 8] = [
            (&[], None),
            (&[Bad(0), Bad(1), Bad(2), Bad(3)], None),
            (&[Bad(0), Bad(1), Bad(2), Bad(3), Bad(4)], Some(4)),
            (&[Good(0), Good(0), Good(0), Bad(0), Bad(1), Bad(2), Bad(3), Bad(4)], Some(7)),
            (&[Bad(0), Good(1), Bad(2), Good(3), Bad(4), Good(5), Bad(6), Good(7), Bad(8)], Some(8)),
            (&[Bad(0), Good(1), Good(1), Good(1), Good(1), Good(1), Good(1), Bad(2), Bad(3), Bad(4), Bad(5)], None),
            (&[Bad(0), Bad(1), Bad(2), Bad(3), Bad(10_001)], None),
            (&[Bad(0), Good(10_001), Bad(10_002), Bad(10_003), Bad(10_004), Bad(10_005)], None),
        ];
        for (at, (story, expected)) in table.into_iter().enumerate() {
            assert_eq!(opens_at(story), expected, "story {at}");
        }
    }

    #[test]
    fn opening_resets_the_counts_and_repeated_openings_lengthen_the_pause() {
        let breaker = Breaker::default();
        let mut now = START;
        let mut open = |after: Duration| {
            now = now.after(after);
            let opened: Vec<bool> = (0..5).map(|_| breaker.failed(now)).collect();
            assert_eq!(opened, [false, false, false, false, true]);
            breaker.pause()
        };
        let pauses = [2, 4, 5, 5, 5].map(Duration::from_secs);
        for pause in pauses {
            assert_eq!(open(Duration::from_secs(15)), pause);
        }
        assert_eq!(open(CALM + Duration::from_millis(1)), FIRST_PAUSE);
    }
}
