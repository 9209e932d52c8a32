//! A clock that only a test advances.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Began, Clock, Moment, Source, Stopwatch};

/// A clock that only a test advances. Clones share one time.
///
/// Give clones to the caches and to the [`MemoryRemote`](crate::MemoryRemote) of a test. Everything that waits for
/// a time then waits for [`advance`](Self::advance).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_core::testing::ManualClock;
///
/// let clock = ManualClock::new();
/// let same = clock.clone();
/// same.advance(Duration::from_secs(5));
/// assert_eq!(clock.elapsed(), Duration::from_secs(3605)); // a new clock shows one hour
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now: Moment,
    next: u64,
    sleepers: BTreeMap<(Moment, u64), oneshot::Sender<()>>,
}

impl ManualClock {
    /// Creates a clock that shows one hour, so that a test can use earlier times.
    pub fn new() -> Self {
        let clock = Self::default();
        clock.advance(Duration::from_hours(1));
        clock
    }

    /// Advances the time, and wakes the sleepers whose time has come.
    ///
    /// Tasks that were woken run when the test awaits something. A step beyond the lease (1 s by default) ends the
    /// trust in local tiers over a shared tier, because no heartbeat returned in between: advance in smaller steps,
    /// each followed by `tokio::task::yield_now().await`.
    pub fn advance(&self, span: Duration) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = state.now.after(span);
        let now = state.now;
        let later = state.sleepers.split_off(&(now, u64::MAX));
        for (_, sleeper) in std::mem::replace(&mut state.sleepers, later) {
            // Fails if the sleeper was dropped.
            let _ = sleeper.send(());
        }
    }

    /// Returns the time of the clock; a new clock shows one hour. No other clock has the same origin.
    ///
    /// The wall time of a cache on this clock is this long after the Unix epoch. That decides when a value with
    /// `expires_at` ends.
    pub fn elapsed(&self) -> Duration {
        self.now().since(Moment::default())
    }

    pub(super) fn now(&self) -> Moment {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    pub(super) fn stopwatch(&self) -> Stopwatch {
        Stopwatch(Began::Manual(self.clone(), self.now()))
    }

    pub(super) async fn sleep(&self, span: Duration) {
        let woken = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let until = state.now.after(span);
            let id = state.next;
            state.next += 1;
            let (wake, woken) = oneshot::channel();
            state.sleepers.insert((until, id), wake);
            woken
        };
        // The sender is dropped only with the clock, after which the time never advances again.
        if woken.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Self(Source::Manual(clock))
    }
}
