//! The environment.

use crate::cache::Cache;
use crate::error::Error;

/// The address of the shared tier. Not set: the cache is a pass-through.
const REDIS_URL: &str = "REDIS_URL";
/// Its password, where that is not in the address.
const REDIS_PASSWORD: &str = "REDIS_PASSWORD";
/// The global switch.
const ENABLE_REDIS_CACHING: &str = "ENABLE_REDIS_CACHING";

/// Builds a cache from these variables; `lookup` returns the value of one that is set.
pub(crate) fn cache_from(lookup: impl Fn(&str) -> Option<String>) -> Result<Cache, Error> {
    if !switch(ENABLE_REDIS_CACHING, lookup(ENABLE_REDIS_CACHING))? {
        return Ok(Cache::pass_through());
    }
    let Some(url) = lookup(REDIS_URL).filter(|url| !url.trim().is_empty()) else {
        return Ok(Cache::pass_through());
    };
    with_redis(&url, lookup(REDIS_PASSWORD))
}

#[cfg(feature = "redis")]
fn with_redis(url: &str, password: Option<String>) -> Result<Cache, Error> {
    let mut builder = Cache::builder().redis(url.trim());
    if let Some(password) = password {
        builder = builder.redis_password(password);
    }
    builder.build().map_err(|error| match error.kind() {
        crate::ErrorKind::Config => Error::config(format!("{REDIS_URL}: {error}")),
        _ => error,
    })
}

#[cfg(not(feature = "redis"))]
fn with_redis(_: &str, _: Option<String>) -> Result<Cache, Error> {
    Err(Error::config(format!("{REDIS_URL} is set, and this build has no Redis: enable the feature `redis`")))
}

fn switch(name: &str, value: Option<String>) -> Result<bool, Error> {
    let Some(value) = value else { return Ok(true) };
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" => Ok(false),
        _ => Err(Error::config(format!("{name} is `{value}`: expected true or false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Backend;

    fn cache(variables: &[(&str, &str)]) -> Result<Cache, Error> {
        cache_from(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[tokio::test]
    async fn without_an_address_it_passes_through() {
        for variables in [&[][..], &[(REDIS_URL, " ")], &[(REDIS_URL, "redis://h"), (ENABLE_REDIS_CACHING, "off")]] {
            assert_eq!(cache(variables).unwrap().backend(), Backend::PassThrough);
        }
        assert_eq!(cache(&[(REDIS_URL, "redis://127.0.0.1:1")]).unwrap().backend(), Backend::Redis);
    }

    #[tokio::test]
    async fn what_does_not_parse_names_the_variable_and_never_a_secret() {
        let table = [
            (&[(ENABLE_REDIS_CACHING, "maybe")][..], "ENABLE_REDIS_CACHING is `maybe`: expected true or false"),
            (
                &[(REDIS_URL, "redis-cluster://:canary@h")],
                "REDIS_URL: Redis Cluster (redis-cluster://) is not supported yet: expected redis:// or redis+unix://",
            ),
            (
                &[(REDIS_URL, "postgres://:canary@h")],
                "REDIS_URL: the address of Redis has an unknown scheme: expected redis:// or redis+unix://",
            ),
            (
                &[(REDIS_URL, "redis://:canary@h:port")],
                "REDIS_URL: the address of Redis does not parse: expected redis://[user[:password]@]host[:port][/database] or redis+unix:///path/to/socket",
            ),
        ];
        for (variables, expected) in table {
            assert_eq!(cache(variables).unwrap_err().to_string(), expected);
        }
    }
}
