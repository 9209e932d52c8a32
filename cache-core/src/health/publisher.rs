//! Publishes the metrics: once a second in a task, and when a service requests it.
//!
//! It holds the parts that it reads and not the cache, so that it does not keep a dropped cache alive.

use std::sync::Arc;
use std::time::Duration;

use super::Health;
use crate::coherence::Coherence;
use crate::observability::{Levels, Registry};

/// The maximum age of a published value.
const INTERVAL: Duration = Duration::from_secs(1);

/// The counters and gauges of a cache, without the cache itself.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    pub(crate) coherence: Arc<Coherence>,
    pub(crate) registry: Arc<Registry>,
}

impl Publisher {
    /// Runs until the cache is shut down.
    pub(crate) async fn run(self) {
        loop {
            self.publish();
            self.coherence.process.clock.sleep(INTERVAL).await;
        }
    }

    /// Publishes the increments since the last call, and the current values.
    pub(crate) fn publish(&self) {
        self.registry.publish();
        let health = Health::of(&self.coherence);
        let levels = Levels {
            heartbeat_rtt: health.heartbeat_rtt.unwrap_or_default(),
            shared: health.shared,
            breaker_open: health.breaker_open,
            pending_invalidations: health.pending_invalidations + usize::from(health.journal_overflowed),
            staleness_bound: health.staleness_bound,
        };
        let invalidations = self.coherence.invalidations.load(crate::runtime::sync::atomic::Ordering::Acquire);
        self.coherence.process.counters.publish(&levels, invalidations);
    }
}
