//! The configuration of the stores' connections and caching.

mod database;
mod reads;

use std::ffi::OsString;

use cache_core::{Cache, CacheBuilder, Variables};

pub(crate) use database::Database;
#[cfg(feature = "sqlite")]
pub(crate) use database::Keeps;
pub(crate) use reads::ReadSettings;

use crate::error::READ_CONFIGURATION;
use crate::{StoreError, StoreErrorKind};

/// The settings of [`Stores::connect`](crate::Stores::connect).
///
/// | variable | meaning |
/// | --- | --- |
/// | `DATABASE_URL` | `postgres://` or `sqlite://`; unset: in memory, which production refuses |
/// | `APP_ENV` | `development` (default), `test` or `production` |
/// | `DATABASE_SCHEMA` | the Postgres schema of the tables, default `copilot_internal` |
/// | `REDIS_URL` and others | the shared tier: see [`CacheBuilder::from_variables`]; unset: nothing is cached |
/// | `CACHE_KEY_PREFIX` | in front of every key in Redis: one for each environment that shares a server |
/// | `ENABLE_REDIS_CACHING` | the switch of all caching, default `true`; off, writes invalidate nothing elsewhere |
/// | `ENABLE_LLM_POLICY_CACHE` | the switch of the policies, default `true` |
/// | `ENABLE_CONVERSATION_CONFIG_CACHE` | the switch of the conversations' configurations, default `true` |
/// | `ENABLE_CONVERSATION_CACHING` | the switch of the conversations, default `true` |
/// | `CACHE_TTL_POLICY_SECONDS` | how long a policy is cached, in whole seconds; `POLICY_CACHE_TTL_SECONDS` is its older name |
/// | `CACHE_REFRESH_POLICY_PERCENT` | from which share of its life a policy is loaded again in the background, default 80; 0: never |
/// | `CACHE_STALE_POLICY_SECONDS` | how long an expired policy answers during an outage of the database, default 3600; 0: not at all |
/// | `CACHE_TTL_CONFIG_SECONDS` | the same for a configuration; `CONFIG_CACHE_TTL_SECONDS` is its older name |
/// | `CACHE_TTL_CONVERSATION_SECONDS` | the same for a conversation |
///
/// An empty variable counts as unset. Every variable is read, and has to parse, even if a switch makes it useless.
/// `ENVIRONMENT.md` in the repository has the details and an example of each.
#[derive(Debug, Clone)]
pub struct StoresConfig {
    pub(crate) database: Database,
    cache: CacheBuilder,
    pub(crate) policies: ReadSettings,
    pub(crate) configs: ReadSettings,
    pub(crate) conversations: ReadSettings,
    pub(crate) migrate: bool,
}

impl StoresConfig {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::StoreErrorKind::Config) for a value that does not parse: the message names the variable, its
    /// value unless that may be a secret, and the expected form.
    pub fn from_env() -> Result<Self, StoreError> {
        Self::from_variables(&Variables::from_env())
    }

    /// Reads variables with `lookup` in place of the environment.
    ///
    /// `lookup` returns the value of a variable that is set, as a `String`, a `&str` or an `OsString`.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env).
    pub fn from_lookup<V: Into<OsString>>(lookup: impl Fn(&str) -> Option<V>) -> Result<Self, StoreError> {
        Self::from_variables(&Variables::new(lookup))
    }

    fn from_variables(variables: &Variables<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            database: Database::read(variables)?,
            cache: CacheBuilder::from_variables(variables)?,
            policies: ReadSettings::read(
                variables,
                "ENABLE_LLM_POLICY_CACHE",
                &["CACHE_TTL_POLICY_SECONDS", "POLICY_CACHE_TTL_SECONDS"],
            )?
            .with_freshness(variables, "CACHE_REFRESH_POLICY_PERCENT", "CACHE_STALE_POLICY_SECONDS")?,
            configs: ReadSettings::read(
                variables,
                "ENABLE_CONVERSATION_CONFIG_CACHE",
                &["CACHE_TTL_CONFIG_SECONDS", "CONFIG_CACHE_TTL_SECONDS"],
            )?,
            conversations: ReadSettings::read(
                variables,
                "ENABLE_CONVERSATION_CACHING",
                &["CACHE_TTL_CONVERSATION_SECONDS"],
            )?,
            migrate: true,
        })
    }

    /// Sets whether connecting applies missing migrations. Default: true.
    ///
    /// Disable it for a role that may not change tables, and run [`migrate`](crate::migrate) as one that may.
    #[must_use]
    pub fn migrate_on_connect(self, migrate: bool) -> Self {
        Self { migrate, ..self }
    }

    /// Builds the cache that the variables configure.
    pub(crate) fn cache(&self) -> Result<Cache, StoreError> {
        Ok(self.cache.clone().build()?)
    }
}

fn wrong(context: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Config, READ_CONFIGURATION, context)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cache_core::{Backend, ReadPolicy};

    use super::*;

    fn config(variables: &[(&str, &str)]) -> StoresConfig {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        StoresConfig::from_lookup(find).unwrap()
    }

    #[test]
    fn the_default_is_memory_without_a_shared_tier() {
        for variables in [&[][..], &[("DATABASE_URL", ""), ("REDIS_URL", " "), ("APP_ENV", "test")]] {
            let config = config(variables);
            assert!(matches!(config.database, Database::Memory));
            assert_eq!(config.cache().unwrap().backend(), Backend::PassThrough);
            assert!(config.policies.enabled && config.policies.ttl.is_none());
        }
    }

    #[test]
    fn the_older_name_of_a_ttl_is_read_and_the_newer_one_wins() {
        let policies = |config: StoresConfig| config.policies.ttl;
        let configs = |config: StoresConfig| config.configs.ttl;
        check_names(policies, "POLICY_CACHE_TTL_SECONDS", "CACHE_TTL_POLICY_SECONDS");
        check_names(configs, "CONFIG_CACHE_TTL_SECONDS", "CACHE_TTL_CONFIG_SECONDS");
    }

    fn check_names(ttl: impl Fn(StoresConfig) -> Option<Duration>, older: &str, newer: &str) {
        let ttl = |variables: &[(&str, &str)]| ttl(config(variables));
        assert_eq!(ttl(&[(older, "30")]), Some(Duration::from_secs(30)));
        assert_eq!(ttl(&[(older, "30"), (newer, "60")]), Some(Duration::from_mins(1)));
    }

    #[test]
    fn each_store_has_a_switch_and_a_time_to_live_of_its_own() {
        let of = |config: &StoresConfig| {
            [config.policies, config.configs, config.conversations].map(|read| (read.enabled, read.ttl))
        };
        let tables = [
            ("ENABLE_LLM_POLICY_CACHE", "CACHE_TTL_POLICY_SECONDS"),
            ("ENABLE_CONVERSATION_CONFIG_CACHE", "CACHE_TTL_CONFIG_SECONDS"),
            ("ENABLE_CONVERSATION_CACHING", "CACHE_TTL_CONVERSATION_SECONDS"),
        ];
        for (store, (switch, ttl)) in tables.into_iter().enumerate() {
            let mut expected = [(true, None); 3];
            expected[store] = (false, Some(Duration::from_secs(7)));
            assert_eq!(of(&config(&[(switch, "off"), (ttl, "7")])), expected, "{switch}");
        }
    }

    #[test]
    fn policies_are_refreshed_and_outlive_an_outage_unless_a_variable_forbids_it() {
        let annotated = ReadPolicy::new(Duration::from_mins(5));
        let policy = |variables: &[(&str, &str)]| config(variables).policies.over(annotated);
        let (refresh, stale) = ("CACHE_REFRESH_POLICY_PERCENT", "CACHE_STALE_POLICY_SECONDS");
        let hour = annotated.stale_if_error(Duration::from_hours(1));
        assert_eq!(policy(&[]), hour.refresh_after_percent(80));
        assert_eq!(policy(&[(refresh, "50")]), hour.refresh_after_percent(50));
        assert_eq!(policy(&[(refresh, "0"), (stale, "0")]), annotated);
        assert_eq!(policy(&[(refresh, "0"), (stale, "7")]), annotated.stale_if_error(Duration::from_secs(7)));
    }

    #[tokio::test]
    async fn the_switch_of_all_caching_and_that_of_one_store() {
        let redis = ("REDIS_URL", "redis://127.0.0.1:1");
        let off = config(&[redis, ("ENABLE_REDIS_CACHING", "false")]);
        assert_eq!(off.cache().unwrap().backend(), Backend::PassThrough);
        let one_off = config(&[redis, ("ENABLE_LLM_POLICY_CACHE", "0")]);
        assert_eq!(one_off.cache().unwrap().backend(), Backend::Redis);
        assert!(!one_off.policies.enabled && one_off.configs.enabled);
    }
}
