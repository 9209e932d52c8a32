//! What a test can set and read of a cache.

use crate::builder::CacheBuilder;
use crate::cache::Cache;
use crate::protocol::Protection;
use crate::runtime::Clock;

impl CacheBuilder {
    /// Sets the clock.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Disables one protection, for negative controls.
    pub fn without(mut self, protection: impl Into<Option<Protection>>) -> Self {
        self.settings.without = protection.into();
        self
    }
}

impl Cache {
    /// Like [`single_instance`](Self::single_instance), with this clock.
    pub fn single_instance_with_clock(clock: impl Into<Clock>) -> Self {
        Self::single_instance_at(clock.into())
    }

    /// Returns how many invalidations this instance has received over the bus.
    pub fn invalidations_heard(&self) -> u64 {
        self.0.coherence.invalidations.load(crate::runtime::sync::atomic::Ordering::Acquire)
    }
}
