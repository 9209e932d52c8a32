//! How the environment changes what one store caches.

use std::num::NonZeroU8;
use std::time::Duration;

use cache_core::{ReadPolicy, Variables};

use crate::StoreError;

/// The defaults of a method that is refreshed ahead and outlives an outage.
const REFRESH_AFTER_PERCENT: u8 = 80;
const STALE_IF_ERROR: Duration = Duration::from_hours(1);

/// The settings of one cached method in the environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadSettings {
    pub(crate) enabled: bool,
    /// Overrides the time to live of the trait.
    pub(crate) ttl: Option<Duration>,
    /// The age, in percent of the time to live, from which an entry is refreshed.
    pub(crate) refresh: Option<NonZeroU8>,
    /// How long an expired value answers during an outage of the database.
    pub(crate) stale: Duration,
}

impl ReadSettings {
    /// Reads the settings. `ttls` are the names of one variable, the newest first.
    pub(super) fn read(variables: &Variables<'_>, switch: &str, ttls: &[&str]) -> Result<Self, StoreError> {
        let enabled = variables.switch(switch)?;
        Ok(Self { enabled, ttl: variables.seconds(ttls)?, refresh: None, stale: Duration::ZERO })
    }

    /// Reads when entries are refreshed, and how long they answer during an outage.
    pub(super) fn with_freshness(
        self,
        variables: &Variables<'_>,
        refresh: &str,
        stale: &str,
    ) -> Result<Self, StoreError> {
        let percent = |value: &str| value.parse().ok().filter(|percent| *percent < 100);
        let seconds = |value: &str| value.parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()));
        let refresh = variables.parse(refresh, "a whole number from 0 to 99", percent)?;
        let stale = variables.parse(stale, "whole seconds, 0 or more", seconds)?;
        Ok(Self {
            refresh: NonZeroU8::new(refresh.unwrap_or(REFRESH_AFTER_PERCENT)),
            stale: stale.unwrap_or(STALE_IF_ERROR),
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
        let policy = self.refresh.map_or(policy, |percent| policy.refresh_after_percent(percent.get()));
        policy.stale_if_error(self.stale)
    }
}
