//! Every kind of invalid variable, with its full error message.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use stores::{StoreErrorKind, StoresConfig};

const BEGINS: &str = "read the configuration: wrong configuration: ";

fn refusal(variables: &[(&str, &str)]) -> String {
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let error = StoresConfig::from_lookup(find).expect_err(&format!("{variables:?} is taken"));
    assert_eq!(error.kind(), StoreErrorKind::Config);
    assert!(!error.is_retryable());
    error.to_string()
}

#[test]
fn a_wrong_value_gets_exactly_this_message() {
    for (variables, message) in TABLE {
        assert_eq!(refusal(variables), format!("{BEGINS}{message}"), "{variables:?}");
    }
}

/// An invalid value is rejected even if a switch makes its variable unused.
#[test]
fn a_wrong_value_is_refused_even_if_it_would_not_be_used() {
    let off = ("ENABLE_REDIS_CACHING", "false");
    for (variables, message) in TABLE.iter().filter(|(_, message)| !message.contains("is not supported yet")) {
        if variables.iter().all(|(name, _)| *name != off.0) {
            assert_eq!(refusal(&[variables, &[off][..]].concat()), format!("{BEGINS}{message}"), "{variables:?}");
        }
    }
}

#[test]
fn a_value_that_is_not_unicode_is_an_error_for_every_variable() {
    let bytes = || OsString::from_vec(b"canary\xff".to_vec());
    for name in super::documented::read_by_the_stores() {
        let error = StoresConfig::from_lookup(|variable| (variable == name).then(bytes)).unwrap_err();
        assert_eq!(error.to_string(), format!("{BEGINS}{name} is not Unicode"));
        assert!(!format!("{error:?}").contains("canary"));
    }
}

const UPSTASH: (&str, &str) = ("UPSTASH_REDIS_REST_URL", "https://h.upstash.io");
const TOKEN: (&str, &str) = ("UPSTASH_REDIS_REST_TOKEN", "canary");

#[rustfmt::skip]
const TABLE: &[(&[(&str, &str)], &str)] = &[
    // Switches.
    (&[("ENABLE_REDIS_CACHING", "maybe")], "ENABLE_REDIS_CACHING is `maybe`: expected true or false"),
    (&[("ENABLE_LLM_POLICY_CACHE", "2")], "ENABLE_LLM_POLICY_CACHE is `2`: expected true or false"),
    (&[("ENABLE_CONVERSATION_CONFIG_CACHE", "truee")], "ENABLE_CONVERSATION_CONFIG_CACHE is `truee`: expected true or false"),
    (&[("ENABLE_CONVERSATION_CACHING", "a\nb")], "ENABLE_CONVERSATION_CACHING is `a\\nb`: expected true or false"),
    // Lifetimes.
    (
        &[("CACHE_REFRESH_POLICY_PERCENT", "100")],
        "CACHE_REFRESH_POLICY_PERCENT is `100`: expected a whole number from 0 to 99",
    ),
    (
        &[("CACHE_STALE_POLICY_SECONDS", "1h")],
        "CACHE_STALE_POLICY_SECONDS is `1h`: expected whole seconds, 0 or more",
    ),
    (&[("CACHE_TTL_POLICY_SECONDS", "0")], "CACHE_TTL_POLICY_SECONDS is `0`: expected whole seconds, 1 or more"),
    (&[("CACHE_TTL_POLICY_SECONDS", "-1")], "CACHE_TTL_POLICY_SECONDS is `-1`: expected whole seconds, 1 or more"),
    (&[("CACHE_TTL_POLICY_SECONDS", "1.5")], "CACHE_TTL_POLICY_SECONDS is `1.5`: expected whole seconds, 1 or more"),
    (&[("CACHE_TTL_CONFIG_SECONDS", "five")], "CACHE_TTL_CONFIG_SECONDS is `five`: expected whole seconds, 1 or more"),
    (&[("CACHE_TTL_CONVERSATION_SECONDS", "4294967296")], "CACHE_TTL_CONVERSATION_SECONDS is `4294967296`: expected whole seconds, 1 or more"),
    (&[("POLICY_CACHE_TTL_SECONDS", "5m")], "POLICY_CACHE_TTL_SECONDS is `5m`: expected whole seconds, 1 or more"),
    (&[("CACHE_TTL_CONFIG_SECONDS", "60"), ("CONFIG_CACHE_TTL_SECONDS", "1e3")], "CONFIG_CACHE_TTL_SECONDS is `1e3`: expected whole seconds, 1 or more"),
    // The database.
    (&[("APP_ENV", "prod")], "APP_ENV is `prod`: expected development, test or production"),
    (&[("APP_ENV", "production")], "DATABASE_URL is not set, and APP_ENV is production: expected postgres:// or a file behind sqlite://"),
    (&[("APP_ENV", "production"), ("DATABASE_URL", "sqlite::memory:")], "DATABASE_URL names a database in memory, and APP_ENV is production: expected postgres:// or a file behind sqlite://"),
    (&[("DATABASE_SCHEMA", "Copilot")], "DATABASE_SCHEMA is `Copilot`: expected a lower-case letter or _, then lower-case letters, digits and _, 63 characters at most"),
    (&[("DATABASE_SCHEMA", "public; --")], "DATABASE_SCHEMA is `public; --`: expected a lower-case letter or _, then lower-case letters, digits and _, 63 characters at most"),
    (&[("DATABASE_URL", "mysql://u:canary@h/db")], "DATABASE_URL starts with `mysql:`: expected postgres:// or sqlite://"),
    (&[("DATABASE_URL", "canary")], "DATABASE_URL is no URL: expected postgres:// or sqlite://"),
    (&[("DATABASE_URL", "u:canary@h")], "DATABASE_URL is no URL: expected postgres:// or sqlite://"),
    (&[("DATABASE_URL", "postgres://u:canary#x@h/db")], "DATABASE_URL does not parse: expected postgres://user:password@host:port/database, with `%` and two hexadecimal digits for each special character of the password"),
    (&[("DATABASE_URL", "postgres://u:canary@h:port/db")], "DATABASE_URL does not parse: expected postgres://user:password@host:port/database, with `%` and two hexadecimal digits for each special character of the password"),
    (&[("DATABASE_URL", "postgres://u:canary@h/db?sslmode=perhaps")], "DATABASE_URL does not parse: expected postgres://user:password@host:port/database, with `%` and two hexadecimal digits for each special character of the password"),
    (&[("DATABASE_URL", "postgres://u:p@h/db?pasword=canary")], "DATABASE_URL has a parameter behind `?` that is not known: expected those of libpq such as sslmode, or pgbouncer=true; a `?` in the password is written %3F"),
    (&[("DATABASE_URL", "postgres://u:canary@h/db?pgbouncer=yes")], "DATABASE_URL has a parameter `pgbouncer` that is neither true nor false"),
    (&[("DATABASE_URL", "sqlite://file?mode=canary")], "DATABASE_URL does not parse: expected sqlite://path/to/file"),
    // The address of Redis.
    (&[("REDIS_URL", "localhost:6379")], "REDIS_URL: the address of Redis has an unknown scheme: expected redis://, rediss://, redis+unix://, redis-cluster://, rediss-cluster://, redis+sentinel://, rediss+sentinel:// or https://"),
    (&[("REDIS_URL", "postgres://:canary@h")], "REDIS_URL: the address of Redis has an unknown scheme: expected redis://, rediss://, redis+unix://, redis-cluster://, rediss-cluster://, redis+sentinel://, rediss+sentinel:// or https://"),
    (&[("REDIS_URL", "redis://:canary@h:port")], "REDIS_URL: the address of Redis does not parse: expected redis:// or rediss:// and [user[:password]@]host[:port][/database], or redis+unix:///path/to/socket[?db=number&user=name&pass=password], with `%` and two hexadecimal digits for each special character of a password"),
    (&[("REDIS_URL", "redis://:canary@h/first")], "REDIS_URL: the address of Redis does not parse: expected redis:// or rediss:// and [user[:password]@]host[:port][/database], or redis+unix:///path/to/socket[?db=number&user=name&pass=password], with `%` and two hexadecimal digits for each special character of a password"),
    (&[("REDIS_URL", "redis://canary@h")], "REDIS_URL: the address of Redis names a user and no password"),
    (&[("REDIS_URL", "redis://:canary@h#insecure")], "REDIS_URL: the address of Redis has a `#`: a fragment has no meaning here (certificates are always verified), and in a password it is written %23"),
    (&[("REDIS_URL", "rediss://:canary@h#insecure")], "REDIS_URL: the address of Redis has a `#`: a fragment has no meaning here (certificates are always verified), and in a password it is written %23"),
    (&[("REDIS_URL", "rediss://:canary@h:port")], "REDIS_URL: the address of Redis does not parse: expected redis:// or rediss:// and [user[:password]@]host[:port][/database], or redis+unix:///path/to/socket[?db=number&user=name&pass=password], with `%` and two hexadecimal digits for each special character of a password"),
    (&[("REDIS_URL", "rediss://:canary@h*st")], "REDIS_URL: the host of a rediss:// address is neither a name of the DNS nor an IP address"),
    (&[("REDIS_URL", "redis://:canary@h?timeout=5")], "REDIS_URL: the address of Redis has a parameter that is not known: expected protocol"),
    (&[("REDIS_URL", "unix:///run/redis.sock?database=1")], "REDIS_URL: the address of Redis has a parameter that is not known: expected db, user, pass, protocol"),
    (&[("REDIS_URL", "redis-cluster://:canary@h/1")], "REDIS_URL: the address of the Redis Cluster does not parse: expected redis-cluster:// or rediss-cluster:// and [[user]:password@]host[:port][,host[:port]…], without a database, and with `%` and two hexadecimal digits for each special character of a password"),
    (&[("REDIS_URL", "redis+sentinel://:canary@h")], "REDIS_URL: the address of Redis does not parse: expected redis+sentinel:// or rediss+sentinel:// and [user:password@]host[:port],…/master-name[/database], with `%` and two hexadecimal digits for each special character of a password"),
    (&[("REDIS_URL", "redis+sentinel://h/service"), ("REDIS_SENTINEL_USER", "canary")], "REDIS_URL: the address of Redis has a user of the sentinels, and no password for it"),
    (&[("REDIS_URL", "redis+sentinel://h/service?canary=1")], "REDIS_URL: the address of Redis has a parameter that is not known: expected protocol, sentinel_user, sentinel_password"),
    (&[("REDIS_URL", "https://h.upstash.io/canary"), ("REDIS_PASSWORD", "canary")], "REDIS_URL: the address of Redis over HTTP does not parse: expected https://[:token@]host[:port], or http:// and a host of this machine, without path and parameters, and with `%` and two hexadecimal digits for each special character of the token"),
    (&[("REDIS_URL", "http://canary.internal"), ("REDIS_PASSWORD", "canary")], "REDIS_URL: an http:// address of Redis is of this machine only: expected https://"),
    (&[("REDIS_URL", "https://h.upstash.io")], "REDIS_URL is an https:// address, and REDIS_PASSWORD, its token, is not set"),
    // Upstash, and the choice between the two.
    (&[("UPSTASH_REDIS_REST_URL", "https://h.upstash.io?canary"), TOKEN], "UPSTASH_REDIS_REST_URL: the address of Redis over HTTP does not parse: expected https://[:token@]host[:port], or http:// and a host of this machine, without path and parameters, and with `%` and two hexadecimal digits for each special character of the token"),
    (&[("UPSTASH_REDIS_REST_URL", "https://h.upstash.io#canary"), TOKEN, ("CACHE_PROVIDER", "upstash")], "UPSTASH_REDIS_REST_URL: the address of Redis over HTTP does not parse: expected https://[:token@]host[:port], or http:// and a host of this machine, without path and parameters, and with `%` and two hexadecimal digits for each special character of the token"),
    (&[UPSTASH], "UPSTASH_REDIS_REST_URL is set, and UPSTASH_REDIS_REST_TOKEN is not"),
    (&[TOKEN], "UPSTASH_REDIS_REST_TOKEN is set, and UPSTASH_REDIS_REST_URL is not"),
    (&[("UPSTASH_REDIS_REST_URL", "redis://:canary@h"), TOKEN], "UPSTASH_REDIS_REST_URL is no address of Upstash: expected https://"),
    (&[UPSTASH, TOKEN, ("REDIS_URL", "redis://:canary@h")], "REDIS_URL and UPSTASH_REDIS_REST_URL are two addresses: set one of them, or CACHE_PROVIDER to redis or upstash"),
    (&[UPSTASH, TOKEN, ("REDIS_URL", UPSTASH.1), ("REDIS_PASSWORD", "canary-2")], "REDIS_PASSWORD and UPSTASH_REDIS_REST_TOKEN are two tokens of one address: set one of them"),
    (&[("CACHE_PROVIDER", "memcached")], "CACHE_PROVIDER is `memcached`: expected redis or upstash"),
    (&[("CACHE_PROVIDER", "redis")], "CACHE_PROVIDER is `redis`, and REDIS_URL is not set"),
    (&[("CACHE_PROVIDER", "redis"), UPSTASH, TOKEN], "CACHE_PROVIDER is `redis`, and REDIS_URL is not set"),
    (&[("CACHE_PROVIDER", "redis"), ("REDIS_URL", UPSTASH.1), ("REDIS_PASSWORD", "canary")], "CACHE_PROVIDER is `redis`, and REDIS_URL is an https:// address, which is Upstash's: change one of them"),
    (&[("CACHE_PROVIDER", "upstash")], "CACHE_PROVIDER is `upstash`, and neither UPSTASH_REDIS_REST_URL nor REDIS_URL is set"),
    (&[("CACHE_PROVIDER", "upstash"), ("REDIS_URL", "redis://:canary@h")], "CACHE_PROVIDER is `upstash`, and REDIS_URL is no https:// address: change one of them, or set UPSTASH_REDIS_REST_URL"),
];
