//! Addresses of the form `redis+sentinel://[user:password@]host:port,host:port/master-name[/db]`.

use redis::{ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};

use super::super::address::{Address, Kind, Logins, check_tail, checked_server, has_half_a_login, with_no_delay};
use crate::error::Error;

/// The parameters that an address may have.
pub(in super::super) const PARAMETERS: [&str; 3] = ["protocol", SENTINEL_USER, SENTINEL_PASSWORD];
const SENTINEL_USER: &str = "sentinel_user";
const SENTINEL_PASSWORD: &str = "sentinel_password";
/// The port of a sentinel whose address names none.
const PORT: u16 = 26379;

/// The sentinels of an address, and what they watch.
#[derive(Clone)]
pub(in super::super) struct SentinelAddress {
    /// Each sentinel as a server of its own, with the credentials of the sentinels.
    pub(super) sentinels: Vec<Address>,
    /// The name under which they watch the primary.
    pub(super) name: String,
    /// User, password and database on the servers.
    pub(super) login: RedisConnectionInfo,
}

/// The parts of an address, as they are written.
struct Parts<'a> {
    /// User and password, with the `@`.
    user: &'a str,
    hosts: &'a str,
    name: &'a str,
    /// The database, with a slash in front, or nothing.
    database: &'a str,
    query: &'a str,
}

impl SentinelAddress {
    /// Parses an address of Redis Sentinel, without connecting.
    ///
    /// `logins` replace what the address has. Error messages never quote the address, since it may contain a password.
    pub(in super::super) fn parse(url: &str, logins: &Logins) -> Result<Self, Error> {
        let kind = Kind::of(url)?;
        kind.check_supported()?;
        check_tail(url, kind)?;
        let parts = Parts::of(url).ok_or_else(malformed)?;
        let name = decoded(parts.name).filter(|name| !name.is_empty()).ok_or_else(malformed)?;
        let server_kind = if kind == Kind::SentinelTls { Kind::Tls } else { Kind::Tcp };
        let login = parts.sentinel_login(logins)?;
        let sentinel = |host| sentinel(host, server_kind, &login);
        let sentinels = parts.hosts.split(',').map(sentinel).collect::<Result<_, _>>()?;
        Ok(Self { sentinels, name, login: parts.login(logins)? })
    }
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/')?;
        let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let (name, database) = path.split_at(path.find('/').unwrap_or(path.len()));
        Some(Self { user, hosts, name, database, query })
    }

    /// User, password and database on the servers. The library decodes them, as those of any other address.
    fn login(&self, logins: &Logins) -> Result<RedisConnectionInfo, Error> {
        let Self { user, database, query, .. } = self;
        let protocol: Vec<_> = query.split('&').filter(|pair| pair.starts_with("protocol")).collect();
        let info = parsed(&format!("redis://{user}host{database}?{}", protocol.join("&")))?;
        let settings = checked_server(&info, logins.password()).ok_or_else(malformed)?;
        if has_half_a_login(&settings) {
            return Err(Error::config("the address of Redis names a user and no password"));
        }
        Ok(settings)
    }

    /// User and password of the sentinels.
    fn sentinel_login(&self, logins: &Logins) -> Result<RedisConnectionInfo, Error> {
        let mut login = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(user) = self.secret(SENTINEL_USER, logins.sentinel_user())? {
            login = login.set_username(user);
        }
        if let Some(password) = self.secret(SENTINEL_PASSWORD, logins.sentinel_password())? {
            login = login.set_password(password);
        }
        if has_half_a_login(&login) {
            return Err(Error::config("the address of Redis has a user of the sentinels, and no password for it"));
        }
        Ok(login)
    }

    /// A value that is given beside the address, or else as a parameter of it.
    fn secret(&self, parameter: &str, beside: Option<&str>) -> Result<Option<String>, Error> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let inside = pairs.into_iter().find(|(name, _)| *name == parameter).map(|(_, value)| value);
        let inside = inside.map(|value| decoded(value).ok_or_else(malformed)).transpose()?;
        Ok(beside.map(str::to_owned).or(inside).filter(|value| !value.is_empty()))
    }
}

fn sentinel(host: &str, kind: Kind, login: &RedisConnectionInfo) -> Result<Address, Error> {
    let has_port = !host.ends_with(']') && host.contains(':');
    let info = if has_port { parsed(&format!("redis://{host}")) } else { parsed(&format!("redis://{host}:{PORT}")) }?;
    checked_server(&info, None).ok_or_else(malformed)?;
    #[cfg(feature = "tls")]
    if let (Kind::Tls, redis::ConnectionAddr::Tcp(host, _)) = (kind, info.addr()) {
        super::super::tls::server_name(host)?;
    }
    Ok(Address { info: with_no_delay(info.set_redis_settings(login.clone())), others: Vec::new(), kind })
}

fn parsed(url: &str) -> Result<ConnectionInfo, Error> {
    url.into_connection_info().map_err(|_| malformed())
}

/// Decodes `%` and two hexadecimal digits. Returns `None` for anything else behind a `%`, and for bytes that are no text.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        // `from_str_radix` accepts a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn malformed() -> Error {
    Error::config(
        "the address of Redis does not parse: expected redis+sentinel:// or rediss+sentinel:// and \
         [user:password@]host[:port],…/master-name[/database], with `%` and two hexadecimal digits for each special \
         character of a password",
    )
}

#[cfg(test)]
mod tests {
    use redis::ConnectionAddr;

    use super::*;
    use crate::config::Secret;

    fn parse(url: &str) -> Result<SentinelAddress, Error> {
        SentinelAddress::parse(url, &Logins::default())
    }

    fn hosts(address: &SentinelAddress) -> Vec<(String, u16)> {
        let addrs = address.sentinels.iter().map(|sentinel| match sentinel.info.addr() {
            ConnectionAddr::Tcp(host, port) => (host.clone(), *port),
            other => unreachable!("{other}"),
        });
        addrs.collect()
    }

    type Login<'a> = (Option<&'a str>, Option<&'a str>);

    fn login(settings: &RedisConnectionInfo) -> Login<'_> {
        (settings.username(), settings.password())
    }

    #[test]
    fn every_form_of_an_address_is_parsed() {
        type Row<'a> = (&'a str, &'a [(&'a str, u16)], &'a str, Login<'a>, i64, Login<'a>);
        let rows: [Row<'_>; 7] = [
            ("redis+sentinel://h/m", &[("h", 26379)], "m", (None, None), 0, (None, None)),
            (
                "redis+sentinel://h:1,[::1],[::2]:5,i/m/3",
                &[("h", 1), ("::1", 26379), ("::2", 5), ("i", 26379)],
                "m",
                (None, None),
                3,
                (None, None),
            ),
            (
                "rediss+sentinel://u:p@a:1,b:2/my%20name/",
                &[("a", 1), ("b", 2)],
                "my name",
                (Some("u"), Some("p")),
                0,
                (None, None),
            ),
            ("redis+sentinel://:p%40ss%3A%2F%2C@h/m", &[("h", 26379)], "m", (None, Some("p@ss:/,")), 0, (None, None)),
            (
                "redis+sentinel://:p@h/m?sentinel_password=s%26%C3%A9",
                &[("h", 26379)],
                "m",
                (None, Some("p")),
                0,
                (None, Some("s&é")),
            ),
            (
                "redis+sentinel://h/m/1?sentinel_user=w&protocol=resp3&sentinel_password=s=",
                &[("h", 26379)],
                "m",
                (None, None),
                1,
                (Some("w"), Some("s=")),
            ),
            (
                "redis+sentinel://h/m?sentinel_user=&sentinel_password=",
                &[("h", 26379)],
                "m",
                (None, None),
                0,
                (None, None),
            ),
        ];
        for (url, expected, name, of_servers, db, of_sentinels) in rows {
            let address = parse(url).unwrap();
            let expected: Vec<_> = expected.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
            assert_eq!((hosts(&address), address.name.as_str()), (expected, name), "{url}");
            assert_eq!((login(&address.login), address.login.db()), (of_servers, db), "{url}");
            for sentinel in &address.sentinels {
                assert_eq!(login(sentinel.info.redis_settings()), of_sentinels, "{url}");
                assert_eq!(sentinel.info.redis_settings().db(), 0, "{url}");
                assert_eq!(sentinel.kind == Kind::Tls, url.starts_with("rediss"), "{url}");
            }
        }
    }

    #[test]
    fn logins_beside_the_address_override_those_in_it() {
        let secret = |text: &str| Some(Secret(text.to_owned()));
        let logins = Logins { password: secret("1"), sentinel_user: secret("2"), sentinel_password: secret("3") };
        for url in ["redis+sentinel://u@h/m", "redis+sentinel://u:p@h/m?sentinel_user=a&sentinel_password=b"] {
            let address = SentinelAddress::parse(url, &logins).unwrap();
            assert_eq!(login(&address.login), (Some("u"), Some("1")), "{url}");
            assert_eq!(login(address.sentinels[0].info.redis_settings()), (Some("2"), Some("3")), "{url}");
        }
    }

    #[test]
    fn an_invalid_address_is_refused_without_being_repeated() {
        const DOES_NOT_PARSE: &str = "the address of Redis does not parse: expected redis+sentinel://";
        for (url, begins) in [
            ("redis+sentinel://", DOES_NOT_PARSE),
            ("redis+sentinel://canary", DOES_NOT_PARSE),
            ("redis+sentinel://canary/", DOES_NOT_PARSE),
            ("redis+sentinel:///canary", DOES_NOT_PARSE),
            ("redis+sentinel://canary:0/m", DOES_NOT_PARSE),
            ("redis+sentinel://canary:65536/m", DOES_NOT_PARSE),
            ("redis+sentinel://canary:port/m", DOES_NOT_PARSE),
            ("redis+sentinel://canary,,b/m", DOES_NOT_PARSE),
            ("redis+sentinel://canary,/m", DOES_NOT_PARSE),
            ("redis+sentinel://0.0.0.0/m", DOES_NOT_PARSE),
            ("redis+sentinel://h/m/canary", DOES_NOT_PARSE),
            ("redis+sentinel://h/m/-1", DOES_NOT_PARSE),
            ("redis+sentinel://h/m/0/canary", DOES_NOT_PARSE),
            ("redis+sentinel://h/%+fcanary", DOES_NOT_PARSE),
            ("redis+sentinel://h/canary%", DOES_NOT_PARSE),
            ("redis+sentinel://:%ffcanary@h/m", DOES_NOT_PARSE),
            ("redis+sentinel://h/m?sentinel_password=canary%ff", DOES_NOT_PARSE),
            ("redis+sentinel://h/m?protocol=canary", DOES_NOT_PARSE),
            ("redis+sentinel://canary@h/m", "the address of Redis names a user and no password"),
            ("redis+sentinel://h/m?sentinel_user=canary", "the address of Redis has a user of the sentinels, and no"),
            ("redis+sentinel://:canary#x@h/m", "the address of Redis has a `#`"),
            (
                "redis+sentinel://h/m?canary=1",
                "the address of Redis has a parameter that is not known: expected protocol, sentinel_user, sentinel_password",
            ),
            ("rediss+sentinel://h*st/m", "the host of a rediss:// address is neither"),
        ] {
            let error = parse(url).map(|_| ()).expect_err(url).to_string();
            assert!(error.starts_with(begins) && !error.contains("canary"), "{url}: {error}");
        }
    }
}
