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
    /// Overrides the age, in percent of the time to live, from which an entry is refreshed; 0 refreshes none.
    pub(crate) refresh: Option<u8>,
    /// Overrides how long an expired value answers during an outage of the database; zero disables it.
    pub(crate) stale: Option<Duration>,
}

impl ReadSettings {
    /// Reads the settings. `ttls` are the names of one variable, the newest first.
    pub(super) fn read(variables: &Variables<'_>, switch: &str, ttls: &[&str]) -> Result<Self, StoreError> {
        let enabled = variables.switch(switch)?;
        Ok(Self { enabled, ttl: variables.seconds(ttls)?, refresh: None, stale: None })
    }

    /// Reads when entries are refreshed, and how long they answer during an outage.
    pub(super) fn with_freshness(
        self,
        variables: &Variables<'_>,
        refresh: &str,
        stale: &str,
    ) -> Result<Self, StoreError> {
        let percent = |value: &str| value.parse().ok().filter(|percent| *percent < 100);
        let seconds = |value: &str| value.parse::<u32>().ok();
        let stale = variables.parse(stale, "whole seconds, 0 or more", seconds)?;
        Ok(Self {
            refresh: variables.parse(refresh, "a whole number from 0 to 99", percent)?,
            stale: stale.map(|seconds| Duration::from_secs(seconds.into())),
            ..self
        })
    }

    /// These settings, or no caching at all.
    pub(crate) fn only_if(self, cacheable: bool) -> Self {
        Self { enabled: self.enabled && cacheable, ..self }
    }

    /// These settings over those of the trait.
    pub(crate) fn over(self, trait_says: ReadPolicy) -> ReadPolicy {
        let policy = trait_says.enabled(self.enabled);
        let policy = self.ttl.map_or(policy, |ttl| policy.ttl(ttl));
        let policy = match self.refresh {
            Some(0) => policy.refresh_after_percent(100),
            Some(percent) => policy.refresh_after_percent(percent),
            None => policy,
        };
        self.stale.map_or(policy, |span| policy.stale_if_error(span))
    }
}
