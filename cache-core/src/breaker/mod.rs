//! When a shared tier that answers badly is left alone. Pure: the time comes from outside.
//!
//! A lost connection is noticed by itself. This is about the connection that stays and does no good: a server that is
//! slow, frozen, out of memory or not allowed to answer. Each of its errors costs a caller up to the read timeout, so after
//! a few of them nobody is sent there any more (M. Nygard, "Release It!", has the pattern). The supervisor, and no caller,
//! tries again after a pause that grows with each opening in a row; what it does to connect is the probe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::runtime::Moment;

/// The span in which errors are counted together.
const WINDOW: Duration = Duration::from_secs(10);
/// So many errors, and at least half of all answers, open it.
const ERRORS: u32 = 5;
/// How long the first pause lasts at most, and the longest one. Half of it may be cut off, so that instances that were
/// disturbed together do not come back together.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// An opening so long after the one before it is the first in a row again.
const CALM: Duration = Duration::from_mins(1);

/// Counts what became of the shared tier's answers.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// Whether there was an error in the window: while there was none, answers need no counting.
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
    /// Whether good answers count at this moment. One load, and false while nothing is wrong.
    pub(crate) fn is_suspicious(&self) -> bool {
        self.suspicious.load(Ordering::Relaxed)
    }

    /// A good answer.
    pub(crate) fn succeeded(&self, now: Moment) {
        let mut counts = self.counts();
        if counts.is_over(now) {
            self.suspicious.store(false, Ordering::Relaxed);
        } else {
            counts.answers += 1;
        }
    }

    /// An error, or no answer in time. Says whether this opens the breaker.
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

    /// Whether an opening is so recent that the next connection has to prove itself.
    pub(crate) fn is_wary(&self, now: Moment) -> bool {
        self.counts().opened.is_some_and(|opened| now.since(opened.at) <= CALM)
    }

    /// How long to leave the shared tier alone after the last opening.
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

    /// What happens, and how long after the start in milliseconds.
    #[derive(Clone, Copy)]
    enum Happens {
        Good(u64),
        Bad(u64),
    }
    use Happens::{Bad, Good};

    /// At which step it opens first.
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
    fn it_opens_at_the_fifth_error_where_at_least_half_of_the_answers_are_errors() {
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
    fn after_an_opening_it_counts_anew_and_the_pause_grows_until_it_was_calm() {
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
