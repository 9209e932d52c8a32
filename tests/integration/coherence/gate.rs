//! Points where a test stops the code under test.

use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// A point where a call waits until the test releases it.
#[derive(Debug)]
pub(crate) struct Gate {
    reached: Semaphore,
    open: Semaphore,
}

impl Gate {
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
