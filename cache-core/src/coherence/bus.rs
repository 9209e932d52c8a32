//! Parses the invalidation messages of one connection.

use std::fmt;
use std::sync::Arc;

use super::membership::Message;
use super::{Link, ScopeHash};
use crate::runtime::sync::atomic::Ordering;
use crate::tier::remote::{ANNOUNCED, REQUESTED};

/// Receives the bus messages of a connection. The methods never block: they run where the bytes are read.
pub(crate) trait Bus: fmt::Debug + Send + Sync {
    /// Handles a message, exactly as it was published.
    ///
    /// Messages are not trusted: one that does not parse is dropped, and a forged invalidation costs a miss.
    fn message(&self, payload: &[u8]);

    /// Handles the loss of the bus connection or the command connection.
    #[cfg_attr(
        not(any(feature = "redis", feature = "testing")),
        expect(dead_code, reason = "a remote in memory stays")
    )]
    fn disconnected(&self);
}

pub(crate) type BusSink = Arc<dyn Bus>;

/// The bus of one connection of this link.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) link: Arc<Link>,
    pub(crate) session: u64,
}

impl Bus for Listener {
    fn message(&self, payload: &[u8]) {
        if let Some(scope) = payload.strip_prefix(b"I ") {
            self.link.gate.advance_hash(ScopeHash::of_name(scope));
            self.link.invalidations.fetch_add(1, Ordering::Release);
        } else if let Some(nonce) = payload.strip_prefix(b"B ").and_then(parse_beat) {
            self.link.beat_returned(self.session, nonce);
        } else if let Some((expiry, writer)) = payload.strip_prefix(b"P ").and_then(parse_registration) {
            self.link.writer_registered(writer.method, writer.token, expiry);
        } else if let Some(writer) = payload.strip_prefix(b"R ").and_then(parse_writer) {
            self.link.pending_writers.remove(writer.method, writer.token);
        } else if let Some(message) = parse_member(payload)
            && self.link.membership.hear(message)
        {
            self.link.wake.notify_one();
        }
    }

    fn disconnected(&self) {
        self.link.close_session(self.session);
    }
}

/// Parses the nonce of a heartbeat.
///
/// The epochs that follow it are for human readers of the channel: this instance takes them from the reply.
fn parse_beat(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.split_once(' ')?.0.parse().ok()
}

/// Parses a membership message.
fn parse_member(payload: &[u8]) -> Option<Message<'_>> {
    let (what, id) = std::str::from_utf8(payload).ok()?.split_once(' ')?;
    match what {
        REQUESTED => Some(Message::Requested(id)),
        ANNOUNCED => Some(Message::Announced(id)),
        _ => None,
    }
}

/// A writer and the method that it is registered on.
struct Writer<'a> {
    token: &'a str,
    method: ScopeHash,
}

/// The maximum length of a writer's token. Tokens are stored, so a message must not determine their size.
const MAX_WRITER: usize = 64;

/// Parses `<expiry> <token> <scope>`, the expiry in milliseconds of the server's clock.
fn parse_registration(text: &[u8]) -> Option<(u64, Writer<'_>)> {
    let (expiry, writer) = split_at_space(text)?;
    let is_number = !expiry.is_empty() && expiry.iter().all(u8::is_ascii_digit);
    let expiry = std::str::from_utf8(expiry).ok().filter(|_| is_number)?.parse().ok()?;
    Some((expiry, parse_writer(writer)?))
}

/// Parses `<token> <scope>`. The name of a scope may contain spaces.
fn parse_writer(text: &[u8]) -> Option<Writer<'_>> {
    let (token, method) = split_at_space(text)?;
    let is_token = (1..=MAX_WRITER).contains(&token.len()) && token.iter().all(u8::is_ascii_alphanumeric);
    let token = std::str::from_utf8(token).ok().filter(|_| is_token && !method.is_empty())?;
    Some(Writer { token, method: ScopeHash::of_name(method) })
}

fn split_at_space(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b' ')?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Settings;
    use crate::observability::Backend;
    use crate::runtime::Clock;

    const METHOD: &str = "ns:e:*";

    fn listener() -> Listener {
        let settings = Settings { lease: Duration::from_secs(1), ..Settings::default() };
        Listener { link: Arc::new(Link::new(Clock::default(), settings, Backend::Memory)), session: 1 }
    }

    #[test]
    fn registrations_and_releases_are_parsed_strictly() {
        let parsed = |text: &str| {
            let (expiry, writer) = parse_registration(text.as_bytes())?;
            Some((expiry, writer.token.to_owned(), writer.method))
        };
        let expected = Some((17, "0a".to_owned(), ScopeHash::of_name(METHOD.as_bytes())));
        assert_eq!(parsed("17 0a ns:e:*"), expected);
        assert_eq!(parsed("17 0a ns:e:a b").map(|(.., method)| method), Some(ScopeHash::of_name(b"ns:e:a b")));
        let long = format!("17 {} ns:e:*", "a".repeat(MAX_WRITER + 1));
        let garbage = [
            "",
            "17",
            "17 0a",
            "17 0a ",
            "17  ns:e:*",
            "-1 0a ns:e:*",
            "+1 0a ns:e:*",
            "x 0a ns:e:*",
            " 0a ns:e:*",
            "17 0;a ns:e:*",
            "99999999999999999999999 0a ns:e:*",
            &long,
        ];
        for garbage in garbage {
            assert_eq!(parsed(garbage), None, "{garbage}");
        }
        assert!(parse_writer(b"0a ns:e:*").is_some() && parse_writer(b"0a").is_none() && parse_writer(b" a").is_none());
    }

    /// Without a connection the server's clock is unknown: the expiry has no local time.
    #[test]
    fn a_registration_that_cannot_be_dated_forgets_the_method_at_once() {
        let listener = listener();
        let gate = &listener.link.gate;
        let (stamp, other) = (gate.stamp([ScopeHash::of_name(METHOD.as_bytes())]), gate.stamp([ScopeHash(7)]));
        listener.message(b"R 0a ns:e:*");
        listener.message(b"P 17 ns:e:*");
        assert!(gate.is_current(&stamp));
        listener.message(b"P 17 0a ns:e:*");
        assert!(!gate.is_current(&stamp) && gate.is_current(&other));
        assert_eq!(listener.link.pending_writers.len(), 0);
    }
}
