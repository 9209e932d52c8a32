//! Reads the address of the shared tier from the environment.
//!
//! Two variables may have an address: `REDIS_URL`, and `UPSTASH_REDIS_REST_URL` as Upstash's console prints it. If both
//! are set and differ, `CACHE_PROVIDER` decides; without it that is an error, because a guess could connect an instance
//! to another server than the rest of its service.
//!
//! No message contains an address, a password or a token: each names the variable.

use super::CacheBuilder;
use crate::config::{Secret, Variables};
use crate::error::Error;
use crate::tier::shared::redis::{self, Kind, Logins};

const REDIS_URL: &str = "REDIS_URL";
const REDIS_PASSWORD: &str = "REDIS_PASSWORD";
const REDIS_SENTINEL_USER: &str = "REDIS_SENTINEL_USER";
const REDIS_SENTINEL_PASSWORD: &str = "REDIS_SENTINEL_PASSWORD";
const UPSTASH_URL: &str = "UPSTASH_REDIS_REST_URL";
const UPSTASH_TOKEN: &str = "UPSTASH_REDIS_REST_TOKEN";
const CACHE_PROVIDER: &str = "CACHE_PROVIDER";

/// The provider that selects one of two addresses, from `CACHE_PROVIDER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    Redis,
    Upstash,
}

/// An address, its secret, and the variable that contained it.
#[derive(Debug)]
pub(super) struct Endpoint {
    variable: &'static str,
    kind: Kind,
    url: Secret,
    logins: Logins,
}

impl Endpoint {
    /// Reads the variables; `None` if no address is set.
    ///
    /// # Errors
    ///
    /// A value that does not parse, an address without its token, or two addresses that differ.
    pub(super) fn read(variables: &Variables<'_>) -> Result<Option<Self>, Error> {
        let provider = variables.parse(CACHE_PROVIDER, "redis or upstash", Provider::parse)?;
        let redis = redis(variables)?;
        let upstash = upstash(variables)?;
        let chosen = match provider {
            None => either(redis, upstash)?,
            Some(Provider::Redis) => Some(forced_redis(redis)?),
            Some(Provider::Upstash) => Some(forced_upstash(redis, upstash)?),
        };
        chosen.map(Self::checked).transpose()
    }

    /// Creates a builder for this address.
    pub(super) fn into_builder(self) -> Result<CacheBuilder, Error> {
        self.kind.check_supported().map_err(|error| self.named(&error))?;
        Ok(CacheBuilder::at(self.url, self.logins))
    }

    /// Checks the address. An address of an unsupported kind is not parsed further.
    fn checked(self) -> Result<Self, Error> {
        if self.kind.is_http() && self.logins.password.is_none() {
            return Err(Error::config(format!(
                "{REDIS_URL} is an https:// address, and {REDIS_PASSWORD}, its token, is not set"
            )));
        }
        if self.kind.check_supported().is_ok() {
            redis::check(&self.url.0, &self.logins).map_err(|error| self.named(&error))?;
        }
        Ok(self)
    }

    /// Prefixes an error with the variable that has the address.
    fn named(&self, error: &Error) -> Error {
        Error::config(format!("{}: {error}", self.variable))
    }
}

impl Provider {
    /// Parses the name of a provider, in any case.
    fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "redis" => Some(Self::Redis),
            "upstash" => Some(Self::Upstash),
            _ => None,
        }
    }
}

/// Reads `REDIS_URL`. Passwords without an address are ignored: another program may use them.
fn redis(variables: &Variables<'_>) -> Result<Option<Endpoint>, Error> {
    let secret = |name| Ok::<_, Error>(variables.text(name)?.map(Secret));
    let url = variables.text(REDIS_URL)?;
    let logins = Logins {
        password: secret(REDIS_PASSWORD)?,
        sentinel_user: secret(REDIS_SENTINEL_USER)?,
        sentinel_password: secret(REDIS_SENTINEL_PASSWORD)?,
    };
    let Some(url) = url else { return Ok(None) };
    let kind = Kind::of(&url).map_err(|error| Error::config(format!("{REDIS_URL}: {error}")))?;
    Ok(Some(Endpoint { variable: REDIS_URL, kind, url: Secret(url), logins }))
}

/// Reads `UPSTASH_REDIS_REST_URL`, which needs its token: one without the other is an error.
fn upstash(variables: &Variables<'_>) -> Result<Option<Endpoint>, Error> {
    match (variables.text(UPSTASH_URL)?, variables.text(UPSTASH_TOKEN)?) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Error::config(format!("{UPSTASH_URL} is set, and {UPSTASH_TOKEN} is not"))),
        (None, Some(_)) => Err(Error::config(format!("{UPSTASH_TOKEN} is set, and {UPSTASH_URL} is not"))),
        (Some(url), Some(token)) => match Kind::of(&url) {
            Ok(kind) if kind.is_http() => {
                let logins = Logins { password: Some(Secret(token)), ..Logins::default() };
                Ok(Some(Endpoint { variable: UPSTASH_URL, kind, url: Secret(url), logins }))
            }
            _ => Err(Error::config(format!("{UPSTASH_URL} is no address of Upstash: expected https://"))),
        },
    }
}

/// Selects the address that is set. Both may be set if they agree.
///
/// A trailing slash makes no difference, and a password may be absent in one of them.
fn either(redis: Option<Endpoint>, upstash: Option<Endpoint>) -> Result<Option<Endpoint>, Error> {
    let (redis, upstash) = match (redis, upstash) {
        (Some(redis), Some(upstash)) => (redis, upstash),
        (redis, upstash) => return Ok(redis.or(upstash)),
    };
    let bare = |endpoint: &Endpoint| endpoint.url.0.trim_end_matches('/').to_owned();
    if bare(&redis) != bare(&upstash) {
        return Err(Error::config(format!(
            "{REDIS_URL} and {UPSTASH_URL} are two addresses: set one of them, or {CACHE_PROVIDER} to redis or upstash"
        )));
    }
    if redis.logins.password.is_some() && redis.logins.password != upstash.logins.password {
        return Err(Error::config(format!(
            "{REDIS_PASSWORD} and {UPSTASH_TOKEN} are two tokens of one address: set one of them"
        )));
    }
    Ok(Some(upstash))
}

/// Returns the address of `REDIS_URL`, which `CACHE_PROVIDER` requires to be one of the Redis protocol.
fn forced_redis(redis: Option<Endpoint>) -> Result<Endpoint, Error> {
    match redis {
        Some(redis) if !redis.kind.is_http() => Ok(redis),
        Some(_) => Err(Error::config(format!(
            "{CACHE_PROVIDER} is `redis`, and {REDIS_URL} is an https:// address, which is Upstash's: change one of them"
        ))),
        None => Err(Error::config(format!("{CACHE_PROVIDER} is `redis`, and {REDIS_URL} is not set"))),
    }
}

/// Returns the `https://` address, from either variable, which `CACHE_PROVIDER` requires.
fn forced_upstash(redis: Option<Endpoint>, upstash: Option<Endpoint>) -> Result<Endpoint, Error> {
    match (upstash, redis) {
        (Some(upstash), _) => Ok(upstash),
        (None, Some(redis)) if redis.kind.is_http() => Ok(redis),
        (None, Some(_)) => Err(Error::config(format!(
            "{CACHE_PROVIDER} is `upstash`, and {REDIS_URL} is no https:// address: change one of them, or set {UPSTASH_URL}"
        ))),
        (None, None) => Err(Error::config(format!(
            "{CACHE_PROVIDER} is `upstash`, and neither {UPSTASH_URL} nor {REDIS_URL} is set"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backend, Cache};

    fn builder(set: &[(&str, &str)]) -> Result<CacheBuilder, Error> {
        let find = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        CacheBuilder::from_variables(&Variables::new(find))
    }

    fn backend(set: &[(&str, &str)]) -> Backend {
        builder(set).and_then(CacheBuilder::build).as_ref().map(Cache::backend).unwrap()
    }

    #[tokio::test]
    async fn only_absent_or_disabled_redis_makes_a_pass_through() {
        for set in [
            &[][..],
            &[(REDIS_URL, " ")],
            &[(REDIS_PASSWORD, "of another service")],
            &[(REDIS_URL, "redis://h"), ("ENABLE_REDIS_CACHING", "off")],
            &[(REDIS_URL, "redis-cluster://h"), ("ENABLE_REDIS_CACHING", "off")],
        ] {
            assert_eq!(backend(set), Backend::PassThrough, "{set:?}");
        }
        let url = (REDIS_URL, "redis://127.0.0.1:1");
        for set in [&[url][..], &[url, (CACHE_PROVIDER, "Redis")], &[url, (REDIS_PASSWORD, "secret")]] {
            assert_eq!(backend(set), Backend::Redis, "{set:?}");
        }
    }

    /// The error names the variable of the refused address, which shows the one that was selected.
    #[test]
    fn the_provider_decides_between_two_addresses() {
        let both = [(REDIS_URL, "redis://h/no-number"), (UPSTASH_URL, "https://h/path"), (UPSTASH_TOKEN, "t")];
        for (provider, begins) in [("redis", "REDIS_URL: "), ("upstash", "UPSTASH_REDIS_REST_URL: ")] {
            let error = builder(&[&both[..], &[(CACHE_PROVIDER, provider)]].concat()).unwrap_err().to_string();
            assert!(error.starts_with(begins), "{error}");
        }
    }

    #[test]
    fn the_same_address_given_twice_is_one_address() {
        let twice = [(REDIS_URL, "https://h/path/"), (UPSTASH_URL, "https://h/path"), (UPSTASH_TOKEN, "t")];
        for more in [&[][..], &[(REDIS_PASSWORD, "t")]] {
            let error = builder(&[&twice[..], more].concat()).unwrap_err().to_string();
            assert!(error.starts_with("UPSTASH_REDIS_REST_URL: "), "{error}");
        }
    }
}
