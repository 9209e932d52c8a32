//! The parts of a cache that exist whatever its tiers are: clock, settings, tasks and the name of the instance.
//!
//! `engine` and `coherence` share them without holding each other.

use crate::config::Settings;
use crate::observability::CacheCounters;
use crate::protocol::{Backend, Protection};
use crate::runtime::{Clock, Tasks, random};

/// The clock, the settings, the counters, the tasks and the name of a cache.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) backend: Backend,
    /// The name of this cache among the instances that share a Redis.
    pub(crate) instance: String,
    pub(crate) counters: CacheCounters,
    pub(crate) tasks: Tasks,
}

impl Process {
    pub(crate) fn new(clock: Clock, settings: Settings, backend: Backend) -> Self {
        let (instance, counters) = (random::token_text(), CacheCounters::new(backend));
        Self { clock, settings, backend, instance, counters, tasks: Tasks::default() }
    }

    /// Whether this protection is enabled, which only a test can change.
    #[inline]
    pub(crate) fn protects(&self, protection: Protection) -> bool {
        self.settings.protects(protection)
    }
}
