//! Tracks whether the supervisor's task runs. Its runtime may end before the cache, and the task may panic.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crate::runtime::Moment;

/// The pause after a panic, so that not every call restarts a supervisor that panics.
const PAUSE: Duration = Duration::from_secs(1);

const NEVER_STARTED: u8 = 0;
const RUNNING: u8 = 1;
const ENDED: u8 = 2;
const SHUT_DOWN: u8 = 3;

/// The state of the supervisor's task.
#[derive(Debug)]
pub(crate) struct Supervision {
    state: AtomicU8,
    /// The earliest time of a restart, in nanoseconds of the process clock.
    due: AtomicU64,
}

impl Default for Supervision {
    fn default() -> Self {
        Self { state: AtomicU8::new(NEVER_STARTED), due: AtomicU64::new(0) }
    }
}

impl Supervision {
    /// Records that the task is about to be spawned.
    pub(crate) fn start(&self) {
        self.state.store(RUNNING, Ordering::Release);
    }

    /// Records that the task ends.
    ///
    /// `clean_up` runs before the task can be restarted. Its argument is whether the task should have continued.
    pub(super) fn end(&self, now: Moment, by_a_panic: bool, clean_up: impl FnOnce(bool)) {
        let due = if by_a_panic { now.after(PAUSE) } else { now };
        self.due.store(due.0, Ordering::Release);
        clean_up(self.state.load(Ordering::Acquire) == RUNNING);
        // Fails after a shutdown, which is final.
        let _ = self.state.compare_exchange(RUNNING, ENDED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Records that the cache is shut down: the task must not be restarted.
    pub(crate) fn shut_down(&self) {
        self.state.store(SHUT_DOWN, Ordering::Release);
    }

    /// Whether the task has ended although the cache is in use.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.state.load(Ordering::Acquire) == ENDED
    }

    /// Whether the caller must restart the task; returns `true` for one of several callers.
    pub(crate) fn restart(&self, now: Moment) -> bool {
        now.0 >= self.due.load(Ordering::Acquire)
            && self.state.compare_exchange(ENDED, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment(millis * 1_000_000)
    }

    fn end(supervision: &Supervision, millis: u64, by_a_panic: bool) -> bool {
        let mut unexpected = false;
        supervision.end(at(millis), by_a_panic, |is_unexpected| unexpected = is_unexpected);
        unexpected
    }

    #[test]
    fn exactly_one_caller_restarts_it() {
        let supervision = Supervision::default();
        assert!(!end(&supervision, 5_000, false) && !supervision.restart(at(5_000)), "there is no supervisor");
        supervision.start();
        assert!(end(&supervision, 5_000, false) && supervision.has_ended());
        assert!(supervision.restart(at(5_000)) && !supervision.restart(at(5_000)));
    }

    /// The cleanup after the old task must not affect the new one.
    #[test]
    fn it_is_not_restarted_before_its_cleanup() {
        let supervision = Supervision::default();
        supervision.start();
        supervision.end(at(5_000), false, |_| assert!(!supervision.restart(at(9_000))));
        assert!(supervision.restart(at(9_000)));
    }

    #[test]
    fn a_restart_after_a_panic_waits_for_a_second() {
        let supervision = Supervision::default();
        supervision.start();
        assert!(end(&supervision, 5_000, true));
        assert!(!supervision.restart(at(5_999)) && supervision.restart(at(6_000)));
    }

    #[test]
    fn a_shutdown_is_final() {
        let supervision = Supervision::default();
        supervision.start();
        supervision.shut_down();
        assert!(!end(&supervision, 5_000, false) && !supervision.has_ended() && !supervision.restart(at(9_000)));
    }
}
