//! What the stores are connected to, and how they are cached.

mod database;
mod variables;

use std::fmt;
use std::time::Duration;

use cache_core::{Cache, ReadPolicy};

pub(crate) use database::{Database, Keeps};
use variables::Variables;

use crate::StoreError;

/// The settings of [`Stores::connect`](crate::Stores::connect).
///
/// | variable | meaning |
/// | --- | --- |
/// | `DATABASE_URL` | `postgres://` or `sqlite://`; unset: in memory, which production refuses |
/// | `APP_ENV` | `development` (default), `test` or `production` |
/// | `DATABASE_SCHEMA` | the Postgres schema of the tables, default `copilot_internal` |
/// | `REDIS_URL`, `REDIS_PASSWORD` | the shared tier; unset: nothing is cached |
/// | `ENABLE_REDIS_CACHING` | the switch of all caching, default `true` |
/// | `ENABLE_LLM_POLICY_CACHE` | the switch of the policies, default `true` |
/// | `ENABLE_CONVERSATION_CONFIG_CACHE` | the switch of the conversations' configurations, default `true` |
/// | `ENABLE_CONVERSATION_CACHING` | the switch of the conversations, default `true` |
/// | `CACHE_TTL_POLICY_SECONDS` | how long a policy is cached, in whole seconds; `POLICY_CACHE_TTL_SECONDS` is its older name |
/// | `CACHE_TTL_CONFIG_SECONDS` | the same for a configuration; `CONFIG_CACHE_TTL_SECONDS` is its older name |
/// | `CACHE_TTL_CONVERSATION_SECONDS` | the same for a conversation |
///
/// A variable that is empty counts as unset.
#[derive(Debug, Clone)]
pub struct StoresConfig {
    pub(crate) database: Database,
    pub(crate) shared_tier: Option<SharedTier>,
    pub(crate) policies: ReadSettings,
    #[cfg_attr(not(test), expect(dead_code, reason = "the store of configurations is not built yet"))]
    pub(crate) configs: ReadSettings,
    #[cfg_attr(not(test), expect(dead_code, reason = "the store of conversations is not built yet"))]
    pub(crate) conversations: ReadSettings,
    pub(crate) migrate: bool,
}

impl StoresConfig {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::StoreErrorKind::Config) for a value that does not parse: the message names the variable, what
    /// it holds unless that may be a secret, and what is expected.
    pub fn from_env() -> Result<Self, StoreError> {
        Self::from_lookup(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads variables from elsewhere: `lookup` returns the value of one that is set.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env).
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, StoreError> {
        let variables = Variables::new(&lookup);
        Ok(Self {
            database: Database::read(&variables)?,
            shared_tier: SharedTier::read(&variables)?,
            policies: ReadSettings::read(
                &variables,
                "ENABLE_LLM_POLICY_CACHE",
                &["CACHE_TTL_POLICY_SECONDS", "POLICY_CACHE_TTL_SECONDS"],
            )?,
            configs: ReadSettings::read(
                &variables,
                "ENABLE_CONVERSATION_CONFIG_CACHE",
                &["CACHE_TTL_CONFIG_SECONDS", "CONFIG_CACHE_TTL_SECONDS"],
            )?,
            conversations: ReadSettings::read(
                &variables,
                "ENABLE_CONVERSATION_CACHING",
                &["CACHE_TTL_CONVERSATION_SECONDS"],
            )?,
            migrate: true,
        })
    }

    /// Whether connecting applies the migrations that are missing; by default it does. Switch it off for a role that
    /// may not change tables, and run [`migrate`](crate::migrate) as one that may.
    #[must_use]
    pub fn migrate_on_connect(self, migrate: bool) -> Self {
        Self { migrate, ..self }
    }

    /// The cache that the variables ask for.
    pub(crate) fn cache(&self) -> Result<Cache, StoreError> {
        let Some(tier) = &self.shared_tier else { return Ok(Cache::pass_through()) };
        let mut builder = Cache::builder().redis(&*tier.url.0);
        if let Some(password) = &tier.password {
            builder = builder.redis_password(&*password.0);
        }
        builder.build().map_err(|error| variables::wrong("REDIS_URL does not fit").with_source(error))
    }
}

/// What of one cached method the environment changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadSettings {
    pub(crate) enabled: bool,
    /// In place of the one that the trait names.
    pub(crate) ttl: Option<Duration>,
}

impl ReadSettings {
    /// `ttls` are the names of one variable, the newest first.
    fn read(variables: &Variables<'_>, switch: &str, ttls: &[&str]) -> Result<Self, StoreError> {
        Ok(Self { enabled: variables.switch(switch)?, ttl: variables.seconds(ttls)? })
    }

    /// These settings over those of the trait.
    pub(crate) fn over(self, trait_says: ReadPolicy) -> ReadPolicy {
        let policy = trait_says.enabled(self.enabled);
        self.ttl.map_or(policy, |ttl| policy.ttl(ttl))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct SharedTier {
    url: Secret,
    password: Option<Secret>,
}

impl SharedTier {
    fn read(variables: &Variables<'_>) -> Result<Option<Self>, StoreError> {
        if !variables.switch("ENABLE_REDIS_CACHING")? {
            return Ok(None);
        }
        let password = variables.get("REDIS_PASSWORD").map(Secret);
        Ok(variables.get("REDIS_URL").map(|url| Self { url: Secret(url), password }))
    }
}

/// Text that no output shows.
#[derive(Clone)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreErrorKind;

    fn config(variables: &[(&str, &str)]) -> Result<StoresConfig, StoreError> {
        StoresConfig::from_lookup(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_set_is_memory_without_a_shared_tier() {
        for variables in [&[][..], &[("DATABASE_URL", ""), ("REDIS_URL", " "), ("APP_ENV", "test")]] {
            let config = config(variables).unwrap();
            assert!(matches!(config.database, Database::Memory));
            assert!(config.shared_tier.is_none() && config.policies.enabled && config.policies.ttl.is_none());
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
        let ttl = |variables: &[(&str, &str)]| ttl(config(variables).unwrap());
        assert_eq!(ttl(&[(older, "30")]), Some(Duration::from_secs(30)));
        assert_eq!(ttl(&[(older, "30"), (newer, "60")]), Some(Duration::from_mins(1)));
    }

    #[test]
    fn each_store_has_a_switch_and_a_time_to_live_of_its_own() {
        let of = |config: &StoresConfig| {
            [config.policies, config.configs, config.conversations].map(|read| (read.enabled, read.ttl))
        };
        let unset = (true, None);
        let tables = [
            ("ENABLE_LLM_POLICY_CACHE", "CACHE_TTL_POLICY_SECONDS"),
            ("ENABLE_CONVERSATION_CONFIG_CACHE", "CACHE_TTL_CONFIG_SECONDS"),
            ("ENABLE_CONVERSATION_CACHING", "CACHE_TTL_CONVERSATION_SECONDS"),
        ];
        for (store, (switch, ttl)) in tables.into_iter().enumerate() {
            let mut expected = [unset; 3];
            expected[store] = (false, Some(Duration::from_secs(7)));
            assert_eq!(of(&config(&[(switch, "off"), (ttl, "7")]).unwrap()), expected, "{switch}");
        }
    }

    #[test]
    fn the_switches() {
        let off = config(&[("ENABLE_REDIS_CACHING", "false"), ("REDIS_URL", "redis://h")]).unwrap();
        assert!(off.shared_tier.is_none());
        let off = config(&[("ENABLE_LLM_POLICY_CACHE", "0"), ("REDIS_URL", "redis://h")]).unwrap();
        assert!(off.shared_tier.is_some() && !off.policies.enabled);
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_is_expected() {
        for (variables, expected) in [
            (&[("APP_ENV", "prod")][..], "APP_ENV is `prod`: expected development, test or production"),
            (&[("ENABLE_LLM_POLICY_CACHE", "maybe")], "ENABLE_LLM_POLICY_CACHE is `maybe`: expected true or false"),
            (
                &[("CACHE_TTL_POLICY_SECONDS", "0")],
                "CACHE_TTL_POLICY_SECONDS is `0`: expected whole seconds, 1 or more",
            ),
            (&[("POLICY_CACHE_TTL_SECONDS", "5m")], "POLICY_CACHE_TTL_SECONDS is `5m`: expected whole seconds"),
            (&[("CACHE_TTL_POLICY_SECONDS", "-1")], "CACHE_TTL_POLICY_SECONDS is `-1`"),
            (&[("DATABASE_SCHEMA", "a b")], "DATABASE_SCHEMA is `a b`: expected a lower-case letter or _"),
            (&[("DATABASE_SCHEMA", "public; --")], "DATABASE_SCHEMA"),
            (&[("APP_ENV", "production")], "DATABASE_URL is not set, and APP_ENV is production"),
            (&[("APP_ENV", "production"), ("DATABASE_URL", "sqlite::memory:")], "and APP_ENV is production"),
            (&[("DATABASE_URL", "mysql://h")], "DATABASE_URL begins with `mysql:`: expected postgres:// or sqlite://"),
        ] {
            let error = config(variables).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Config);
            assert!(error.to_string().contains(expected), "`{error}` does not say `{expected}`");
        }
    }

    #[test]
    fn no_output_shows_a_secret() {
        for url in ["postgres://u:canary@h:port/db", "postgres://u:canary#x@h/db", "canary", "u:canary@h", "x://canary"]
        {
            let error = config(&[("DATABASE_URL", url)]).unwrap_err();
            assert!(!format!("{error} {error:?} {error:#?}").contains("canary"), "{url}: {error:?}");
        }
        let good = [
            ("DATABASE_URL", "postgres://u:canary@h/db?password=canary"),
            ("REDIS_URL", "redis://:canary@h"),
            ("REDIS_PASSWORD", "canary"),
        ];
        let config = config(&good).unwrap();
        assert!(!format!("{config:?} {config:#?}").contains("canary"), "{config:?}");
    }

    #[tokio::test]
    async fn an_address_of_redis_that_does_not_parse_names_the_variable() {
        let config = config(&[("REDIS_URL", "redis://:canary@h:port")]).unwrap();
        let error = config.cache().unwrap_err();
        assert!(error.to_string().contains("REDIS_URL") && !format!("{error:?}").contains("canary"), "{error:?}");
    }
}
