//! Passes on what was counted.

use std::sync::Arc;
use std::time::Duration;

use crate::coherence::Link;
use crate::observability::{Health, Registry};

/// How old a published value may be.
const INTERVAL: Duration = Duration::from_secs(1);

/// Everything that a cache counts and observes, without the cache itself.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    pub(crate) link: Arc<Link>,
    pub(crate) registry: Arc<Registry>,
}

impl Publisher {
    /// Runs for ever; the cache's shutdown ends it.
    pub(crate) async fn run(self) {
        loop {
            self.publish();
            self.link.clock.sleep(INTERVAL).await;
        }
    }

    /// Tells the recorder what has happened since the last time, and how things are.
    pub(crate) fn publish(&self) {
        self.registry.publish();
        let Link { tally, .. } = &*self.link;
        let invalidations = self.link.invalidations.load(std::sync::atomic::Ordering::Acquire);
        tally.meter.publish(&tally.totals(), &Health::of(&self.link), invalidations);
    }
}
