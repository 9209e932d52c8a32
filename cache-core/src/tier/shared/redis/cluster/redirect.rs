//! The redirections of a cluster
//! (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding>).

use redis::Value;

/// What a reply says about where its command belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Redirect {
    /// The slot belongs to another server from now on.
    Moved { slot: u16, address: Address },
    /// The slot is on its way, and another server may have the key. Only this command goes there.
    Ask(Address),
    /// The slot is on its way, and its keys are on two servers for the moment.
    TryAgain,
}

/// The host and the port of a server. The host is empty if it is that of the server that sent the redirection.
pub(super) type Address = (String, u16);

impl Redirect {
    /// Returns the redirection of a reply, if it is one.
    pub(super) fn of(reply: &Value) -> Option<Self> {
        let Value::ServerError(error) = reply else { return None };
        let mut words = error.details().unwrap_or_default().split(' ');
        match error.code() {
            "MOVED" => Some(Self::Moved { slot: words.next()?.parse().ok()?, address: address(words.next()?)? }),
            "ASK" => words.nth(1).and_then(address).map(Self::Ask),
            "TRYAGAIN" => Some(Self::TryAgain),
            _ => None,
        }
    }
}

fn address(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    Some((if host == "?" { String::new() } else { host.to_owned() }, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Redirect> {
        Redirect::of(&redis::parse_redis_value(format!("-{text}\r\n").as_bytes()).unwrap())
    }

    #[test]
    fn redirections_are_parsed() {
        let at = |host: &str| (host.to_owned(), 6381);
        assert_eq!(of("MOVED 3999 127.0.0.1:6381"), Some(Redirect::Moved { slot: 3999, address: at("127.0.0.1") }));
        assert_eq!(of("MOVED 3999 ::1:6381"), Some(Redirect::Moved { slot: 3999, address: at("::1") }));
        assert_eq!(of("MOVED 3999 :6381"), Some(Redirect::Moved { slot: 3999, address: at("") }));
        assert_eq!(of("ASK 3999 ?:6381"), Some(Redirect::Ask(at(""))));
        assert_eq!(of("TRYAGAIN Multiple keys request during rehashing of slot"), Some(Redirect::TryAgain));
        for other in
            ["MOVED", "MOVED x y", "MOVED 1 nowhere", "ASK 1", "ERR unknown", "CLUSTERDOWN Hash slot not served"]
        {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(Redirect::of(&Value::Okay), None);
    }
}
