//! Publishes the metrics.

use std::sync::Arc;
use std::time::Duration;

use crate::coherence::Link;
use crate::observability::{Health, Registry};

/// The maximum age of a published value.
const INTERVAL: Duration = Duration::from_secs(1);

/// The counters and gauges of a cache, without the cache itself.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    pub(crate) link: Arc<Link>,
    pub(crate) registry: Arc<Registry>,
}

impl Publisher {
    /// Runs until the cache is shut down.
    pub(crate) async fn run(self) {
        loop {
            self.publish();
            self.link.clock.sleep(INTERVAL).await;
        }
    }

    /// Publishes the increments since the last call, and the current values.
    pub(crate) fn publish(&self) {
        self.registry.publish();
        let Link { tally, .. } = &*self.link;
        let invalidations = self.link.invalidations.load(std::sync::atomic::Ordering::Acquire);
        tally.meter.publish(&tally.totals(), &Health::of(&self.link), invalidations);
    }
}
