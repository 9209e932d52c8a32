//! The store of the simulation, and the trait whose decorator is measured.

use std::collections::VecDeque;
use std::future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{LoadError, cached_store};
use tokio::sync::oneshot;

/// The time to live, as the annotation has it.
pub(crate) const TTL: Duration = Duration::from_mins(5);

/// Rates by number.
#[cached_store(namespace = "bench:day")]
pub(crate) trait RateStore: Send + Sync {
    /// Returns the time on the clock of the simulation at which the store was called.
    #[cached(entity = "rate", key(key), ttl = "5m", local_capacity = 20_000)]
    async fn rate(&self, key: u32) -> Result<Duration, RateError>;
}

/// Why there is no rate.
#[derive(Debug, Clone)]
pub(crate) enum RateError {
    Unreachable,
    Cache,
}

impl From<cache_core::Error> for RateError {
    fn from(_: cache_core::Error) -> Self {
        Self::Cache
    }
}

impl LoadError for RateError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable)
    }
}

/// The state of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// An answer after the time that the store takes.
    Up,
    /// An error at once.
    Refuses,
    /// No answer.
    Hangs,
}

/// A store that takes the same time for every call, on the clock of the simulation.
pub(crate) struct SlowStore {
    clock: ManualClock,
    takes: Duration,
    state: Mutex<State>,
}

struct State {
    condition: Condition,
    /// The calls in progress, in the order of their ends.
    calls: VecDeque<(Duration, oneshot::Sender<()>)>,
    begun: u64,
}

impl SlowStore {
    pub(crate) fn new(clock: &ManualClock, takes: Duration) -> Self {
        let state = State { condition: Condition::Up, calls: VecDeque::new(), begun: 0 };
        Self { clock: clock.clone(), takes, state: Mutex::new(state) }
    }

    pub(crate) fn set(&self, condition: Condition) {
        self.lock().condition = condition;
    }

    /// Ends the calls whose time has come.
    pub(crate) fn answer(&self) {
        let mut state = self.lock();
        let now = self.clock.elapsed();
        while state.calls.front().is_some_and(|(end, _)| *end <= now) {
            let (_, call) = state.calls.pop_front().expect("there is a first call");
            // Fails if the call was dropped at its deadline.
            let _ = call.send(());
        }
    }

    /// Returns the number of calls since the last question.
    pub(crate) fn take_calls(&self) -> u64 {
        std::mem::take(&mut self.lock().begun)
    }

    /// Begins a call; returns its start and its end.
    fn begin(&self) -> Result<(Duration, oneshot::Receiver<()>), Condition> {
        let mut state = self.lock();
        state.begun += 1;
        if state.condition != Condition::Up {
            return Err(state.condition);
        }
        let (start, (send, end)) = (self.clock.elapsed(), oneshot::channel());
        state.calls.push_back((start + self.takes, send));
        Ok((start, end))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RateStore for SlowStore {
    async fn rate(&self, _: u32) -> Result<Duration, RateError> {
        match self.begin() {
            Ok((start, end)) => end.await.map(|()| start).map_err(|_| RateError::Unreachable),
            Err(Condition::Hangs) => future::pending().await,
            Err(_) => Err(RateError::Unreachable),
        }
    }
}
