//! Addresses of Redis servers, and the kinds of Redis that they stand for.
//!
//! Kinds that are not supported yet are recognised as well, so that the error names what the address is and not a
//! syntax. No error contains the address, since it may have a password.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

use crate::error::Error;

/// The supported kinds, for error messages.
const EXPECTED: &str = "expected redis://, rediss:// or redis+unix://";

/// The kinds of Redis that have their own form of address.
///
/// A kind that is not supported yet would be implemented beside [`RedisRemote`](super::RedisRemote), as another
/// [`SharedTier`](super::SharedTier).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One server over TCP.
    Tcp,
    /// One server on this machine.
    UnixSocket,
    /// One server over TCP, encrypted.
    Tls,
    /// Servers that Redis Sentinel watches.
    Sentinel,
    /// A Redis Cluster.
    Cluster,
    /// Commands over HTTP, as Upstash offers them.
    Http,
}

impl Kind {
    /// Returns the kind for the scheme of an address.
    pub(crate) fn of(url: &str) -> Result<Self, Error> {
        match url.split_once("://").map_or("", |(scheme, _)| scheme) {
            "redis" => Ok(Self::Tcp),
            "redis+unix" | "unix" => Ok(Self::UnixSocket),
            "rediss" => Ok(Self::Tls),
            "redis+sentinel" | "rediss+sentinel" => Ok(Self::Sentinel),
            "redis-cluster" | "rediss-cluster" => Ok(Self::Cluster),
            "https" => Ok(Self::Http),
            _ => Err(Error::config(format!("the address of Redis has an unknown scheme: {EXPECTED}"))),
        }
    }

    /// Returns an error for a kind that is not implemented.
    pub(crate) fn check_supported(self) -> Result<(), Error> {
        let what = match self {
            Self::Tcp | Self::UnixSocket => return Ok(()),
            Self::Tls if cfg!(feature = "tls") => return Ok(()),
            Self::Tls => {
                return Err(Error::config(
                    "Redis over TLS (rediss://) is not in this build: enable the feature `tls` of cache-core",
                ));
            }
            Self::Sentinel => "Redis Sentinel (redis+sentinel://)",
            Self::Cluster => "Redis Cluster (redis-cluster://)",
            Self::Http => "Redis over HTTP (https://, the REST interface of Upstash)",
        };
        Err(Error::config(format!("{what} is not supported yet: {EXPECTED}")))
    }
}

/// The address of one server, with its credentials.
#[derive(Clone)]
pub(crate) struct Address {
    /// For a server over TLS, the address is stored as plain TCP.
    pub(super) info: ConnectionInfo,
    pub(super) kind: Kind,
}

impl Address {
    /// Parses an address of a supported kind, without connecting.
    ///
    /// `password` replaces the one in the address. Error messages never quote the address, since it may contain a
    /// password.
    pub(crate) fn parse(url: &str, password: Option<&str>) -> Result<Self, Error> {
        let kind = Kind::of(url)?;
        kind.check_supported()?;
        check_tail(url, kind)?;
        let plain = url.strip_prefix("rediss://").map(|rest| format!("redis://{rest}"));
        let info = plain.as_deref().unwrap_or(url).into_connection_info().map_err(|_| malformed())?;
        // Sending the name of the library to the server needs a permission that the cache does not need otherwise.
        let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
        if let Some(password) = password {
            settings = settings.set_password(password);
        }
        let has_port = !matches!(info.addr(), ConnectionAddr::Tcp(_, 0));
        if settings.db() < 0 || !has_port {
            return Err(malformed());
        }
        #[cfg(feature = "tls")]
        if let (Kind::Tls, ConnectionAddr::Tcp(host, _)) = (kind, info.addr()) {
            super::tls::server_name(host)?;
        }
        // The library would ignore the user, and connect as a different one.
        if settings.username().is_some() && settings.password().is_none() {
            return Err(Error::config("the address of Redis names a user and no password"));
        }
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        Ok(Self { info: info.set_redis_settings(settings).set_tcp_settings(tcp), kind })
    }
}

/// Rejects parts that the library would ignore: a fragment, and unknown parameters.
fn check_tail(url: &str, kind: Kind) -> Result<(), Error> {
    if url.contains('#') {
        return Err(Error::config(
            "the address of Redis has a `#`: a fragment has no meaning here (certificates are always \
             verified), and in a password it is written %23",
        ));
    }
    let known: &[&str] = if kind == Kind::UnixSocket { &["db", "user", "pass", "protocol"] } else { &["protocol"] };
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or(pair));
    for name in names {
        if !known.contains(&name) {
            return Err(Error::config(format!(
                "the address of Redis has a parameter that is not known: expected {}",
                known.join(", ")
            )));
        }
    }
    Ok(())
}

fn malformed() -> Error {
    Error::config(
        "the address of Redis does not parse: expected redis:// or rediss:// and \
         [user[:password]@]host[:port][/database], or redis+unix:///path/to/socket[?db=number&user=name&pass=password], with `%` and two hexadecimal digits for \
         each special character of a password",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_is_parsed() {
        let tcp = |host: &str, port| ConnectionAddr::Tcp(host.to_owned(), port);
        let socket = || ConnectionAddr::Unix("/run/redis.sock".into());
        for (url, addr, user, password, db) in [
            ("redis://h", tcp("h", 6379), None, None, 0),
            ("redis://h:6380/3", tcp("h", 6380), None, None, 3),
            ("redis://h/", tcp("h", 6379), None, None, 0),
            ("redis://127.0.0.1:1", tcp("127.0.0.1", 1), None, None, 0),
            ("redis://[::1]:6380", tcp("::1", 6380), None, None, 0),
            ("redis://:p%40ss%3A%2F%25%23@h", tcp("h", 6379), None, Some("p@ss:/%#"), 0),
            ("redis://us%C3%A9r:pass@h/1", tcp("h", 6379), Some("usér"), Some("pass"), 1),
            ("redis+unix:///run/redis.sock", socket(), None, None, 0),
            ("rediss://h", tcp("h", 6379), None, None, 0),
            ("rediss://u:p@[::1]:6380/1", tcp("::1", 6380), Some("u"), Some("p"), 1),
            ("unix:///run/redis.sock?db=2&user=u&pass=p%26w", socket(), Some("u"), Some("p&w"), 2),
        ] {
            let Address { info, kind } = Address::parse(url, None).unwrap();
            assert_eq!(info.addr(), &addr, "{url}");
            assert_eq!(kind == Kind::Tls, url.starts_with("rediss:"), "{url}");
            let settings = info.redis_settings();
            assert_eq!((settings.username(), settings.password(), settings.db()), (user, password, db), "{url}");
        }
    }

    #[test]
    fn a_separate_password_overrides_the_one_in_the_address() {
        for url in ["redis://h", "redis://u:inside@h", "redis://u@h", "unix:///s?pass=inside"] {
            let info = Address::parse(url, Some("beside")).unwrap().info;
            assert_eq!(info.redis_settings().password(), Some("beside"), "{url}");
        }
    }

    #[test]
    fn an_invalid_address_is_refused_without_being_repeated() {
        for (url, begins) in [
            ("", "the address of Redis has an unknown scheme"),
            ("canary", "the address of Redis has an unknown scheme"),
            ("REDIS://canary", "the address of Redis has an unknown scheme"),
            ("http://canary", "the address of Redis has an unknown scheme"),
            ("redis://", "the address of Redis does not parse"),
            ("redis:///0", "the address of Redis does not parse"),
            ("redis://:canary@h:port", "the address of Redis does not parse"),
            ("redis://:canary@h:0", "the address of Redis does not parse"),
            ("redis://:canary@h:65536", "the address of Redis does not parse"),
            ("redis://h/canary", "the address of Redis does not parse"),
            ("redis://h/-1", "the address of Redis does not parse"),
            ("redis://:%ffcanary@h", "the address of Redis does not parse"),
            ("redis://0.0.0.0", "the address of Redis does not parse"),
            ("redis://canary@h", "the address of Redis names a user and no password"),
            ("redis://:canary#x@h", "the address of Redis has a `#`"),
            ("redis://h?canary=1", "the address of Redis has a parameter that is not known: expected protocol"),
            ("unix:///s?canary", "the address of Redis has a parameter that is not known: expected db, user, pass"),
            ("redis://h?protocol=canary", "the address of Redis does not parse"),
            ("redis-cluster://:canary@h", "Redis Cluster (redis-cluster://) is not supported yet"),
            ("rediss://:canary@h#insecure", "the address of Redis has a `#`"),
            ("rediss://:canary@h:port", "the address of Redis does not parse"),
            ("rediss://h/0?canary", "the address of Redis has a parameter that is not known"),
            ("redis+sentinel://:canary@h", "Redis Sentinel (redis+sentinel://) is not supported yet"),
            (
                "https://canary.upstash.io",
                "Redis over HTTP (https://, the REST interface of Upstash) is not supported yet",
            ),
        ] {
            let error = Address::parse(url, None).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(begins) && !error.contains("canary"), "{url}: {error}");
        }
    }
}
