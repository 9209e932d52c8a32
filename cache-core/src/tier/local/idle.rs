//! The time to idle: when an entry that no read uses leaves the tier.
//!
//! The time of the last use is a number of 16 bits that counts steps of the clock, of at least a 128th and at most a
//! 64th of the time to idle. Most hits therefore find the step of their use already written, and write nothing.

use std::time::Duration;

use crate::runtime::Moment;
use crate::runtime::sync::atomic::{AtomicU16, AtomicU64, Ordering};

/// The step of a moment. Steps are counted modulo 2^16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tick(u16);

/// The step of the last use of an entry.
#[derive(Debug, Default)]
pub(super) struct LastUse(AtomicU16);

impl LastUse {
    pub(super) fn at(tick: Tick) -> Self {
        Self(AtomicU16::new(tick.0))
    }

    fn set(&self, Tick(tick): Tick) {
        self.0.store(tick, Ordering::Relaxed);
    }
}

/// The limit on the time without a use.
#[derive(Debug)]
pub(super) struct Idle {
    /// A step has 2^shift nanoseconds.
    shift: u32,
    /// The number of steps after which an entry is idle.
    limit: u16,
    span: Duration,
    /// The moment of the next sweep.
    sweep: AtomicU64,
}

/// A use by another thread may have a step that this thread's clock has not reached.
const AHEAD: u16 = 64;
const STEP_BITS: u32 = 7;

impl Idle {
    pub(super) fn new(span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(STEP_BITS);
        // The last use and the present are rounded down: with two steps more an entry never leaves early.
        let limit = u16::try_from(nanos >> shift).unwrap_or(u16::MAX) + 2;
        Self { shift, limit, span, sweep: AtomicU64::new(0) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "steps are counted modulo 2^16")]
    pub(super) fn tick(&self, now: Moment) -> Tick {
        Tick((now.0 >> self.shift) as u16)
    }

    /// Whether an entry is in use at this step.
    ///
    /// After more than 512 times the span without a use, and without a sweep, there is a chance of 1 in 300 that an
    /// entry counts as used, since the steps have come around. It is then as current as any other: an entry that is
    /// used too long occupies memory, and nothing else depends on it.
    pub(super) fn is_used(&self, LastUse(last): &LastUse, Tick(tick): Tick) -> bool {
        let idle = tick.wrapping_sub(last.load(Ordering::Relaxed));
        idle < self.limit || idle > u16::MAX - AHEAD
    }

    /// Uses an entry; returns `false` if it is idle.
    #[inline]
    pub(super) fn uses(&self, last: &LastUse, tick: Tick) -> bool {
        let is_used = self.is_used(last, tick);
        if is_used && last.0.load(Ordering::Relaxed) != tick.0 {
            last.set(tick);
        }
        is_used
    }

    /// Whether it is time to look for idle entries. It is true for one caller in each span.
    pub(super) fn sweeps(&self, now: Moment) -> bool {
        let due = self.sweep.load(Ordering::Relaxed);
        let next = now.after(self.span).0;
        now.0 >= due && self.sweep.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() && due != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPANS: [u64; 9] = [1, 2, 127, 128, 129, 1_000_000, 60_000_000_000, 1 << 62, u64::MAX];

    #[test]
    fn an_entry_is_idle_after_the_span_or_a_thirty_second_later() {
        for span in SPANS {
            let idle = Idle::new(Duration::from_nanos(span));
            for start in [0, 1, 12_345, 1 << 40] {
                let last = LastUse::at(idle.tick(Moment(start)));
                let is_used = |after: u64| idle.is_used(&last, idle.tick(Moment(start.saturating_add(after))));
                assert!(is_used(0) && is_used(span - 1), "{span} from {start}");
                if let Some(late) = span.checked_add(span / 32 + 2).filter(|late| late.checked_add(start).is_some()) {
                    assert!(!is_used(late), "{span} from {start}");
                }
            }
        }
    }

    #[test]
    fn a_use_begins_the_time_again() {
        let idle = Idle::new(Duration::from_micros(1));
        let at = |nanos| idle.tick(Moment(nanos));
        let last = LastUse::at(at(0));
        assert!((0..100).all(|step| idle.uses(&last, at(step * 990))));
        assert!(!idle.uses(&last, at(99 * 990 + 1040)));
        assert!(!idle.uses(&last, at(99 * 990 + 1040)), "to ask is no use");
    }

    #[test]
    fn a_clock_that_lags_behind_that_of_another_thread_finds_the_entry_in_use() {
        let idle = Idle::new(Duration::from_secs(1));
        let last = LastUse::at(idle.tick(Moment(1 << 31)));
        assert!(idle.uses(&last, idle.tick(Moment((1 << 31) - 20_000_000))));
    }

    #[test]
    fn there_is_one_sweep_in_each_span() {
        let idle = Idle::new(Duration::from_nanos(100));
        let sweeps: Vec<u64> = (1..500).filter(|now| idle.sweeps(Moment(*now))).collect();
        assert_eq!(sweeps, [101, 201, 301, 401], "the first fill only begins the time");
    }
}
