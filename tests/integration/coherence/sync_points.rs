//! Points where a test stops the code under test.

use std::future::Future;
use std::time::{Duration, Instant};

use cache_core::testing::ManualClock;
use tokio::sync::Semaphore;

/// A point where a call waits until the test releases it.
#[derive(Debug)]
pub(crate) struct SyncPoint {
    reached: Semaphore,
    open: Semaphore,
}

impl SyncPoint {
    pub(crate) fn new() -> Self {
        Self { reached: Semaphore::new(0), open: Semaphore::new(0) }
    }

    /// Waits here, in the code under test.
    pub(crate) async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }

    /// Waits until a call is stopped here.
    pub(crate) async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// Releases one call.
    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}

/// Waits for a state that other tasks bring about, and panics if they do not.
pub(crate) async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < Duration::from_secs(20), "this did not happen: {what}");
        tokio::task::yield_now().await;
    }
}

/// Advances the clock until the call has ended. Fails if it does not end.
pub(crate) async fn ends<T: Send + 'static>(clock: &ManualClock, call: impl Future<Output = T> + Send + 'static) -> T {
    let call = tokio::spawn(call);
    let passing = async {
        while !call.is_finished() {
            pass(clock, Duration::from_millis(50)).await;
        }
        call.await.unwrap()
    };
    tokio::time::timeout(Duration::from_secs(20), passing).await.expect("the call does not end")
}

/// Advances the clock, and lets the other tasks run.
pub(crate) async fn pass(clock: &ManualClock, span: Duration) {
    clock.advance(span);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
