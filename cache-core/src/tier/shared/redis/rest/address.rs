//! Addresses of REST interfaces: `https://[:token@]host[:port]`.

use std::net::IpAddr;

use redis::{ConnectionInfo, IntoConnectionInfo as _};

use super::super::address::{Address, Kind};
use crate::error::Error;

/// Parses an address of this kind. `token` replaces the one in the address.
///
/// Errors never quote the address, since something in it may be a secret.
pub(in super::super) fn parse(url: &str, token: Option<&str>, kind: Kind) -> Result<Address, Error> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#']) {
        return Err(malformed());
    }
    let info = with_port(rest, kind)?;
    let redis::ConnectionAddr::Tcp(host, port) = info.addr() else { return Err(malformed()) };
    super::super::tls::server_name(host).map_err(|_| malformed())?;
    if *port == 0 || info.redis_settings().username().is_some() {
        return Err(malformed());
    }
    if !kind.is_encrypted() && !is_loopback(host) {
        return Err(Error::config("an http:// address of Redis is of this machine only: expected https://"));
    }
    let Some(token) = token.or(info.redis_settings().password()).filter(|token| !token.is_empty()) else {
        return Err(Error::config(
            "the address of Redis over HTTP has no token: set it with CacheBuilder::redis_password",
        ));
    };
    let settings = info.redis_settings().clone().set_password(token);
    Ok(Address { info: info.set_redis_settings(settings), others: Vec::new(), kind })
}

/// Parses the host and the port as the client library does, with the default port of HTTP.
fn with_port(authority: &str, kind: Kind) -> Result<ConnectionInfo, Error> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let has_port = host.rsplit_once(']').map_or(host, |(_, after)| after).contains(':');
    let port = match (has_port, kind.is_encrypted()) {
        (true, _) => "",
        (false, true) => ":443",
        (false, false) => ":80",
    };
    format!("redis://{authority}{port}").into_connection_info().map_err(|_| malformed())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn malformed() -> Error {
    Error::config(
        "the address of Redis over HTTP does not parse: expected https://[:token@]host[:port], or http:// and a host of \
         this machine, without path and parameters, and with `%` and two hexadecimal digits for each special character \
         of the token",
    )
}

#[cfg(test)]
mod tests {
    use redis::ConnectionAddr;

    use super::*;

    #[test]
    fn the_host_the_port_and_the_token_are_parsed() {
        for (url, host, port, token) in [
            ("https://eu1-lamb-1.upstash.io", "eu1-lamb-1.upstash.io", 443, "beside"),
            ("https://eu1-lamb-1.upstash.io/", "eu1-lamb-1.upstash.io", 443, "beside"),
            ("https://:inside%3D@h", "h", 443, "inside="),
            ("https://h:8443", "h", 8443, "beside"),
            ("https://[::1]:8443", "::1", 8443, "beside"),
            ("http://127.0.0.1:8079", "127.0.0.1", 8079, "beside"),
            ("http://localhost", "localhost", 80, "beside"),
            ("http://[::1]", "::1", 80, "beside"),
        ] {
            let beside = (token == "beside").then_some(token);
            let Address { info, kind, .. } = Address::parse(url, beside).unwrap();
            assert_eq!(info.addr(), &ConnectionAddr::Tcp(host.to_owned(), port), "{url}");
            assert_eq!(info.redis_settings().password(), Some(token), "{url}");
            assert_eq!(kind.is_encrypted(), url.starts_with("https:"), "{url}");
        }
    }

    /// A token must not be sent in clear text, nor to a host that only begins like one of this machine.
    #[test]
    fn an_invalid_address_is_refused_without_being_repeated() {
        for (url, begins) in [
            ("https://", "the address of Redis over HTTP does not parse"),
            ("https://canary:0", "the address of Redis over HTTP does not parse"),
            ("https://canary:x", "the address of Redis over HTTP does not parse"),
            ("https://[canary", "the address of Redis over HTTP does not parse"),
            ("https://canary@h", "the address of Redis over HTTP does not parse"),
            ("https://canary:x@h", "the address of Redis over HTTP does not parse"),
            ("https://h/canary", "the address of Redis over HTTP does not parse"),
            ("https://h?_token=canary", "the address of Redis over HTTP does not parse"),
            ("https://h#canary", "the address of Redis over HTTP does not parse"),
            ("http://canary.upstash.io", "an http:// address of Redis is of this machine only"),
            ("http://127.0.0.1.canary", "an http:// address of Redis is of this machine only"),
            ("http://localhost.canary", "an http:// address of Redis is of this machine only"),
            ("http://10.0.0.1", "an http:// address of Redis is of this machine only"),
        ] {
            let error = Address::parse(url, Some("token")).map(drop).unwrap_err().to_string();
            assert!(error.starts_with(begins) && !error.contains("canary"), "{url}: {error}");
        }
        let error = Address::parse("https://canary", None).map(drop).unwrap_err().to_string();
        assert!(
            error.starts_with("the address of Redis over HTTP has no token") && !error.contains("canary"),
            "{error}"
        );
    }
}
