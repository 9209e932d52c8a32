//! Builds a cache from the environment.
//!
//! Only this module and its child for addresses read the variables of the shared tier, and every variable is read
//! through [`Variables`], also in a test. A build without the feature `redis` refuses an address instead of ignoring
//! it: a service that expects a shared tier must not start without one.

use super::CacheBuilder;
use crate::cache::Cache;
use crate::config::{Variables, key_prefix};
use crate::error::Error;

/// The global switch.
const ENABLE_REDIS_CACHING: &str = "ENABLE_REDIS_CACHING";
/// The prefix of every key.
const CACHE_KEY_PREFIX: &str = "CACHE_KEY_PREFIX";

impl CacheBuilder {
    /// Creates a builder from the variables of the process, like [`from_variables`](Self::from_variables).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// use cache_core::CacheBuilder;
    ///
    /// let cache = CacheBuilder::from_env()?.verify_one_in(1000).build()?;
    /// # let _ = cache;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`from_variables`](Self::from_variables).
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(&Variables::from_env())
    }

    /// Creates a builder with the shared tier that these variables configure, without connecting.
    ///
    /// | variable | meaning |
    /// | --- | --- |
    /// | `REDIS_URL` | the address, as for [`redis`](Self::redis); unset: the cache is a pass-through |
    /// | `REDIS_PASSWORD` | its password, in place of one in the address |
    /// | `REDIS_SENTINEL_USER`, `REDIS_SENTINEL_PASSWORD` | user and password of the sentinels, in place of those in the address |
    /// | `UPSTASH_REDIS_REST_URL`, `UPSTASH_REDIS_REST_TOKEN` | an `https://` address and its token |
    /// | `CACHE_PROVIDER` | `redis` or `upstash`: which of the two addresses is meant |
    /// | `CACHE_KEY_PREFIX` | in front of every key, as for [`key_prefix`](Self::key_prefix) |
    /// | `ENABLE_REDIS_CACHING` | the switch of all caching, default `true`; off, writes invalidate nothing elsewhere |
    ///
    /// Every variable is read and must parse, even with the switch off. `ENVIRONMENT.md` in the repository has the
    /// details and an example of each.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::{CacheBuilder, Variables};
    ///
    /// let variables = Variables::new(|name| (name == "CACHE_KEY_PREFIX").then_some("staging"));
    /// let cache = CacheBuilder::from_variables(&variables)?.build()?; // a pass-through: no address is set
    /// # let _ = cache;
    ///
    /// let wrong = Variables::new(|name| (name == "ENABLE_REDIS_CACHING").then_some("perhaps"));
    /// let error = CacheBuilder::from_variables(&wrong).unwrap_err();
    /// assert_eq!(error.to_string(), "ENABLE_REDIS_CACHING is `perhaps`: expected true or false");
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Config`](crate::ErrorKind::Config) if a value does not parse, if variables contradict each other, or
    /// if the switch is on and the kind of Redis is not supported yet. The message names the variables and the expected
    /// form, and never contains an address, a password or a token.
    pub fn from_variables(variables: &Variables<'_>) -> Result<Self, Error> {
        let enabled = variables.switch(ENABLE_REDIS_CACHING)?;
        let parse = |value: &str| key_prefix::check(value).ok().map(|()| value.to_owned());
        let prefix = variables.parse(CACHE_KEY_PREFIX, key_prefix::EXPECTED, parse)?;
        let builder = match endpoint(variables)? {
            Some(endpoint) if enabled => endpoint.into_builder()?,
            _ => Cache::builder(),
        };
        Ok(match prefix {
            Some(prefix) => builder.key_prefix(prefix),
            None => builder,
        })
    }
}

/// Returns the address that the variables set, if any.
#[cfg(feature = "redis")]
fn endpoint(variables: &Variables<'_>) -> Result<Option<super::endpoint::Endpoint>, Error> {
    super::endpoint::Endpoint::read(variables)
}

/// The endpoint in a build without Redis: building the cache returns an error.
#[cfg(not(feature = "redis"))]
struct Endpoint(&'static str);

#[cfg(not(feature = "redis"))]
fn endpoint(variables: &Variables<'_>) -> Result<Option<Endpoint>, Error> {
    for name in ["REDIS_URL", "UPSTASH_REDIS_REST_URL"] {
        if variables.text(name)?.is_some() {
            return Ok(Some(Endpoint(name)));
        }
    }
    Ok(None)
}

#[cfg(not(feature = "redis"))]
impl Endpoint {
    fn into_builder(self) -> Result<CacheBuilder, Error> {
        Err(Error::config(format!("{} is set, and this build has no Redis: enable the feature `redis`", self.0)))
    }
}
