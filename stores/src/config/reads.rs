//! How the environment changes what one store caches.

use std::time::Duration;

use cache_core::{ReadPolicy, Variables};

use crate::StoreError;

/// The settings of one cached method in the environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadSettings {
    pub(crate) enabled: bool,
    /// Overrides the time to live of the trait.
    pub(crate) ttl: Option<Duration>,
}

impl ReadSettings {
    /// Reads the settings. `ttls` are the names of one variable, the newest first.
    pub(super) fn read(variables: &Variables<'_>, switch: &str, ttls: &[&str]) -> Result<Self, StoreError> {
        let enabled = variables.switch(switch)?;
        Ok(Self { enabled, ttl: variables.seconds(ttls)? })
    }

    /// These settings, or no caching at all.
    pub(crate) fn only_if(self, cacheable: bool) -> Self {
        Self { enabled: self.enabled && cacheable, ..self }
    }

    /// These settings over those of the trait.
    pub(crate) fn over(self, trait_says: ReadPolicy) -> ReadPolicy {
        let policy = trait_says.enabled(self.enabled);
        self.ttl.map_or(policy, |ttl| policy.ttl(ttl))
    }
}
