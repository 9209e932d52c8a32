//! Whether the supervisor's task runs. Its runtime may end before the cache does, and the task may panic.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crate::runtime::Moment;

/// The shortest time between two restarts: a supervisor that panics at once must not be restarted by each call.
const RESTART: Duration = Duration::from_secs(1);

const NEVER_STARTED: u8 = 0;
const RUNNING: u8 = 1;
const ENDED: u8 = 2;
const SHUT_DOWN: u8 = 3;

/// The state of the supervisor's task.
#[derive(Debug)]
pub(crate) struct Supervision {
    state: AtomicU8,
    /// The time of the last start, in nanoseconds of the process clock.
    started: AtomicU64,
}

impl Default for Supervision {
    fn default() -> Self {
        Self { state: AtomicU8::new(NEVER_STARTED), started: AtomicU64::new(0) }
    }
}

impl Supervision {
    /// The task is about to be spawned.
    pub(crate) fn start(&self, now: Moment) {
        self.started.store(now.0, Ordering::Release);
        self.state.store(RUNNING, Ordering::Release);
    }

    /// The task has ended; returns whether it should have gone on.
    pub(super) fn end(&self) -> bool {
        self.state.compare_exchange(RUNNING, ENDED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The cache is shut down: the task must not be started again.
    pub(crate) fn shut_down(&self) {
        self.state.store(SHUT_DOWN, Ordering::Release);
    }

    /// Whether the task has ended although the cache is in use.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.state.load(Ordering::Acquire) == ENDED
    }

    /// Whether the caller is to start the task again; one of several callers is.
    pub(crate) fn restart(&self, now: Moment) -> bool {
        let is_due = now >= Moment(self.started.load(Ordering::Acquire)).after(RESTART);
        let takes = || self.state.compare_exchange(ENDED, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_ok();
        is_due && takes() && {
            self.started.store(now.0, Ordering::Release);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment(millis * 1_000_000)
    }

    #[test]
    fn one_caller_restarts_it_and_no_sooner_than_a_second_after_its_start() {
        let supervision = Supervision::default();
        assert!(!supervision.end() && !supervision.restart(at(5_000)), "there is no supervisor");
        supervision.start(at(5_000));
        assert!(supervision.end() && supervision.has_ended());
        assert!(!supervision.restart(at(5_999)));
        assert!(supervision.restart(at(6_000)) && !supervision.restart(at(6_000)));
    }

    #[test]
    fn a_shutdown_is_final() {
        let supervision = Supervision::default();
        supervision.start(at(5_000));
        supervision.shut_down();
        assert!(!supervision.end() && !supervision.has_ended() && !supervision.restart(at(9_000)));
    }
}
