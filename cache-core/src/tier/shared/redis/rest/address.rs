//! Addresses of REST interfaces: `https://host[:port]`.

use std::net::IpAddr;

use crate::error::Error;

/// The address of a REST interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RestAddress {
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether the connection is encrypted. It always is, unless the server is on this machine.
    pub(super) is_encrypted: bool,
}

impl RestAddress {
    /// Parses an address. Errors never quote it, since something in it may be a secret.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let (rest, is_encrypted) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (rest, true),
            (None, Some(rest)) => (rest, false),
            (None, None) => return Err(malformed()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(malformed());
        }
        let (host, port) = host_and_port(authority, if is_encrypted { 443 } else { 80 })?;
        if !is_encrypted && !is_loopback(&host) {
            return Err(malformed());
        }
        super::super::tls::server_name(&host).map_err(|_| malformed())?;
        Ok(Self { host, port, is_encrypted })
    }

    /// The host and the port, as a URL has them.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Whether an `http://` address is one of this machine: a token must not travel further without encryption.
pub(in super::super) fn is_local_http(url: &str) -> bool {
    url.starts_with("http://") && RestAddress::parse(url).is_ok()
}

fn host_and_port(authority: &str, default: u16) -> Result<(String, u16), Error> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or_else(malformed)?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => digits.parse().ok().filter(|port| *port > 0).ok_or_else(malformed)?,
        None if port.is_empty() => default,
        None => return Err(malformed()),
    };
    Ok((host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn malformed() -> Error {
    Error::config(
        "the address of Redis over HTTP does not parse: expected https://host[:port], or http:// and a host of this \
         machine, without user, path and parameters; the token is set beside it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_and_the_port_are_parsed() {
        for (url, host, port, is_encrypted) in [
            ("https://eu1-lamb-1.upstash.io", "eu1-lamb-1.upstash.io", 443, true),
            ("https://eu1-lamb-1.upstash.io/", "eu1-lamb-1.upstash.io", 443, true),
            ("https://h:8443", "h", 8443, true),
            ("https://[::1]:8443", "::1", 8443, true),
            ("http://127.0.0.1:8079", "127.0.0.1", 8079, false),
            ("http://localhost", "localhost", 80, false),
            ("http://[::1]", "::1", 80, false),
        ] {
            let expected = RestAddress { host: host.to_owned(), port, is_encrypted };
            assert_eq!(RestAddress::parse(url).unwrap(), expected, "{url}");
        }
    }

    /// A token must not be sent in clear text, nor to a host that only begins like one of this machine.
    #[test]
    fn an_invalid_address_is_refused_without_being_repeated() {
        for url in [
            "https://",
            "https://canary:0",
            "https://canary:x",
            "https://[canary",
            "https://[::1]canary",
            "https://canary@h",
            "https://h/canary",
            "https://h?_token=canary",
            "https://h#canary",
            "https://can ary",
            "http://canary.upstash.io",
            "http://127.0.0.1.canary",
            "http://localhost.canary",
            "http://10.0.0.1",
            "redis://canary",
        ] {
            let error = RestAddress::parse(url).unwrap_err().to_string();
            assert!(error.starts_with("the address of Redis over HTTP") && !error.contains("canary"), "{url}: {error}");
        }
    }
}
