//! Addresses of Redis servers, and the kinds of Redis that they stand for.
//!
//! Kinds that are not supported yet are recognised as well, so that the error names what the address is and not a
//! syntax. No error contains the address, since it may have a password.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};

use super::sentinel::PARAMETERS;
use crate::config::Secret;
use crate::error::Error;

/// The supported kinds, for error messages.
const EXPECTED: &str = "expected redis://, rediss://, redis+unix://, redis-cluster://, rediss-cluster://, \
                        redis+sentinel://, rediss+sentinel:// or https://";

/// The kinds of Redis that have their own form of address.
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
    /// The same, encrypted, as are the connections to the sentinels.
    SentinelTls,
    /// A Redis Cluster.
    Cluster,
    /// A Redis Cluster, encrypted.
    ClusterTls,
    /// Commands over HTTP, as Upstash offers them.
    Http,
    /// The same without encryption, on this machine.
    LocalHttp,
}

impl Kind {
    /// Returns the kind for the scheme of an address.
    pub(crate) fn of(url: &str) -> Result<Self, Error> {
        match url.split_once("://").map_or("", |(scheme, _)| scheme) {
            "redis" => Ok(Self::Tcp),
            "redis+unix" | "unix" => Ok(Self::UnixSocket),
            "rediss" => Ok(Self::Tls),
            "redis+sentinel" => Ok(Self::Sentinel),
            "rediss+sentinel" => Ok(Self::SentinelTls),
            "redis-cluster" => Ok(Self::Cluster),
            "rediss-cluster" => Ok(Self::ClusterTls),
            "https" => Ok(Self::Http),
            "http" => Ok(Self::LocalHttp),
            _ => Err(Error::config(format!("the address of Redis has an unknown scheme: {EXPECTED}"))),
        }
    }

    /// Returns an error for a kind that is not implemented.
    pub(crate) fn check_supported(self) -> Result<(), Error> {
        match self {
            Self::Tcp | Self::UnixSocket | Self::Cluster | Self::Sentinel => Ok(()),
            Self::Tls | Self::ClusterTls | Self::SentinelTls if cfg!(feature = "tls") => Ok(()),
            Self::Tls | Self::ClusterTls | Self::SentinelTls => Err(Error::config(
                "Redis over TLS (rediss://) is not in this build: enable the feature `tls` of cache-core",
            )),
            Self::Http | Self::LocalHttp if cfg!(feature = "upstash") => Ok(()),
            Self::Http | Self::LocalHttp => Err(Error::config(
                "Redis over HTTP (https://) is not in this build: enable the feature `upstash` of cache-core",
            )),
        }
    }

    pub(super) fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::ClusterTls | Self::Http)
    }

    pub(crate) fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::LocalHttp)
    }

    pub(super) fn is_sentinel(self) -> bool {
        matches!(self, Self::Sentinel | Self::SentinelTls)
    }

    pub(super) fn is_cluster(self) -> bool {
        matches!(self, Self::Cluster | Self::ClusterTls)
    }
}

/// The secrets that are given beside an address, and replace those in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logins {
    /// The password of the server.
    pub(crate) password: Option<Secret>,
    /// The user of the sentinels.
    pub(crate) sentinel_user: Option<Secret>,
    /// The password of the sentinels.
    pub(crate) sentinel_password: Option<Secret>,
}

impl Logins {
    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_ref().map(|secret| secret.0.as_str())
    }

    pub(super) fn sentinel_user(&self) -> Option<&str> {
        self.sentinel_user.as_ref().map(|secret| secret.0.as_str())
    }

    pub(super) fn sentinel_password(&self) -> Option<&str> {
        self.sentinel_password.as_ref().map(|secret| secret.0.as_str())
    }
}

/// The address of one server or of several, with their credentials.
#[derive(Clone)]
pub(crate) struct Address {
    /// The first server. For a server over TLS, the address is stored as plain TCP.
    pub(super) info: ConnectionInfo,
    /// The other servers of a cluster that the address names.
    pub(super) others: Vec<(String, u16)>,
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
        #[cfg(feature = "upstash")]
        if kind.is_http() {
            return super::rest::parse(url, password, kind);
        }
        check_tail(url, kind)?;
        let (first, others) = if kind.is_cluster() { split_hosts(url)? } else { (url.to_owned(), Vec::new()) };
        let plain = plain_scheme(&first, kind);
        let info = plain.into_connection_info().map_err(|_| malformed(kind))?;
        let settings = checked_server(&info, password).ok_or_else(|| malformed(kind))?;
        if kind.is_cluster() && settings.db() != 0 {
            return Err(malformed(kind));
        }
        #[cfg(feature = "tls")]
        for host in [host_of(info.addr())].into_iter().chain(others.iter().map(|(host, _)| host.as_str())) {
            if kind.is_encrypted() {
                super::tls::server_name(host)?;
            }
        }
        if has_half_a_login(&settings) {
            return Err(Error::config("the address of Redis names a user and no password"));
        }
        Ok(Self { info: with_no_delay(info.set_redis_settings(settings)), others, kind })
    }
}

/// Returns the settings of a parsed address, with this password, unless its database or its port is none.
pub(super) fn checked_server(info: &ConnectionInfo, password: Option<&str>) -> Option<RedisConnectionInfo> {
    // Sending the name of the library to the server needs a permission that the cache does not need otherwise.
    let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
    if let Some(password) = password {
        settings = settings.set_password(password);
    }
    (settings.db() >= 0 && has_port(info.addr())).then_some(settings)
}

/// Whether there is a user and no password. The library would ignore the user, and connect as a different one.
pub(super) fn has_half_a_login(settings: &RedisConnectionInfo) -> bool {
    settings.username().is_some() && settings.password().is_none()
}

/// Has each command sent at once.
pub(super) fn with_no_delay(info: ConnectionInfo) -> ConnectionInfo {
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    info.set_tcp_settings(tcp)
}

/// Returns the address of the first of several servers, and the other hosts.
fn split_hosts(url: &str) -> Result<(String, Vec<(String, u16)>), Error> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    let mut hosts = hosts.split(',');
    let first = hosts.next().unwrap_or_default();
    let at = if authority.contains('@') { "@" } else { "" };
    let others = hosts.map(host_and_port).collect::<Result<_, _>>()?;
    Ok((format!("{scheme}://{user}{at}{first}{tail}"), others))
}

/// Parses one of several hosts, as the client library parses the first.
fn host_and_port(text: &str) -> Result<(String, u16), Error> {
    let is_one = !text.contains(['@', '/', '?', '#']);
    let info = is_one.then(|| format!("redis://{text}").into_connection_info().ok()).flatten();
    match info.as_ref().map(ConnectionInfo::addr) {
        Some(ConnectionAddr::Tcp(host, port)) if *port != 0 => Ok((host.clone(), *port)),
        _ => Err(malformed(Kind::Cluster)),
    }
}

/// The address with the scheme that the client library knows for a connection that this crate opens.
fn plain_scheme(url: &str, kind: Kind) -> String {
    match url.split_once("://") {
        Some((_, rest)) if kind.is_encrypted() || kind.is_cluster() => format!("redis://{rest}"),
        _ => url.to_owned(),
    }
}

fn has_port(addr: &ConnectionAddr) -> bool {
    !matches!(addr, ConnectionAddr::Tcp(_, 0))
}

#[cfg(feature = "tls")]
fn host_of(addr: &ConnectionAddr) -> &str {
    match addr {
        ConnectionAddr::Tcp(host, _) => host,
        _ => "",
    }
}

/// Rejects parts that the library would ignore: a fragment, and unknown parameters.
pub(super) fn check_tail(url: &str, kind: Kind) -> Result<(), Error> {
    if url.contains('#') {
        return Err(Error::config(
            "the address of Redis has a `#`: a fragment has no meaning here (certificates are always \
             verified), and in a password it is written %23",
        ));
    }
    let known: &[&str] = match kind {
        Kind::UnixSocket => &["db", "user", "pass", "protocol"],
        Kind::Sentinel | Kind::SentinelTls => &PARAMETERS,
        Kind::Tcp | Kind::Tls | Kind::Cluster | Kind::ClusterTls | Kind::Http | Kind::LocalHttp => &["protocol"],
    };
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

fn malformed(kind: Kind) -> Error {
    if kind.is_cluster() {
        return Error::config(
            "the address of the Redis Cluster does not parse: expected redis-cluster:// or rediss-cluster:// and \
             [[user]:password@]host[:port][,host[:port]…], without a database, and with `%` and two hexadecimal digits \
             for each special character of a password",
        );
    }
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
            let Address { info, kind, .. } = Address::parse(url, None).unwrap();
            assert_eq!(info.addr(), &addr, "{url}");
            assert_eq!(kind == Kind::Tls, url.starts_with("rediss:"), "{url}");
            let settings = info.redis_settings();
            assert_eq!((settings.username(), settings.password(), settings.db()), (user, password, db), "{url}");
        }
    }

    #[test]
    fn the_address_of_a_cluster_names_some_of_its_servers() {
        let at = |host: &str, port| (host.to_owned(), port);
        for (url, first, others) in [
            ("redis-cluster://h", at("h", 6379), vec![]),
            ("redis-cluster://h:7000,i,[::1]:7002", at("h", 7000), vec![at("i", 6379), at("::1", 7002)]),
            ("rediss-cluster://u:p%2C@h,i:1/", at("h", 6379), vec![at("i", 1)]),
            ("redis-cluster://h,i/0?protocol=resp3", at("h", 6379), vec![at("i", 6379)]),
        ] {
            let address = Address::parse(url, None).unwrap();
            assert_eq!(address.info.addr(), &ConnectionAddr::Tcp(first.0, first.1), "{url}");
            assert_eq!(address.others, others, "{url}");
            assert!(address.kind.is_cluster());
            let password = url.contains("p%2C").then_some("p,");
            assert_eq!(address.info.redis_settings().password(), password);
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
            ("redis-cluster://:canary@h,", "the address of the Redis Cluster does not parse"),
            ("redis-cluster://:canary@h,h:0", "the address of the Redis Cluster does not parse"),
            ("redis-cluster://:canary@h,h:port", "the address of the Redis Cluster does not parse"),
            ("redis-cluster://:canary@h/1", "the address of the Redis Cluster does not parse"),
            ("redis-cluster://h,canary@h", "the address of Redis names a user and no password"),
            ("redis-cluster://", "the address of the Redis Cluster does not parse"),
            ("redis-cluster://h?canary=1", "the address of Redis has a parameter that is not known"),
            ("rediss://:canary@h#insecure", "the address of Redis has a `#`"),
            ("rediss://:canary@h:port", "the address of Redis does not parse"),
            ("rediss://h/0?canary", "the address of Redis has a parameter that is not known"),
        ] {
            let error = Address::parse(url, None).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(begins) && !error.contains("canary"), "{url}: {error}");
        }
    }
}
