//! What a test can set and read of a cache.

use crate::builder::CacheBuilder;
use crate::cache::Cache;
use crate::protocol::Protection;
use crate::runtime::Clock;

impl CacheBuilder {
    /// Sets the clock, such as a [`ManualClock`](crate::testing::ManualClock).
    ///
    /// All times of the cache then follow this clock: times to live, the lease, timeouts, and the waits of the
    /// background task. Give the same clock to the shared tier:
    /// [`MemoryRemote::with_clock`](crate::MemoryRemote::with_clock).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// use cache_core::testing::ManualClock;
    /// use cache_core::{Cache, MemoryRemote};
    ///
    /// let clock = ManualClock::new();
    /// let remote = MemoryRemote::with_clock(clock.clone());
    /// let cache = Cache::builder().remote(remote).clock(clock).build()?;
    /// # let _ = cache;
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Disables one protection, for negative controls. `None` disables none.
    ///
    /// A cache without a protection returns stale values in the race that the protection prevents. Use it only in the
    /// second run of a test that must fail; [`docs::testing`](crate::docs::testing) has a complete example.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    /// use cache_core::testing::Protection;
    ///
    /// let control = Cache::builder().without(Protection::Fence);
    /// # let _ = control;
    /// ```
    pub fn without(mut self, protection: impl Into<Option<Protection>>) -> Self {
        self.settings.without = protection.into();
        self
    }
}

impl Cache {
    /// Like [`single_instance`](Self::single_instance), with this clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Cache;
    /// use cache_core::testing::ManualClock;
    ///
    /// let clock = ManualClock::new();
    /// let cache = Cache::single_instance_with_clock(clock.clone());
    /// clock.advance(Duration::from_secs(60)); // the entries of `cache` are a minute older
    /// # let _ = cache;
    /// ```
    pub fn single_instance_with_clock(clock: impl Into<Clock>) -> Self {
        Self::single_instance_at(clock.into())
    }

    /// Returns how many invalidations this instance has received over the bus.
    ///
    /// It includes those of its own writes. A test that writes on one instance and reads on another waits until this
    /// number has changed: [`docs::testing`](crate::docs::testing).
    pub fn invalidations_received(&self) -> u64 {
        self.0.coherence.invalidations.load(crate::runtime::sync::atomic::Ordering::Acquire)
    }
}
