//! What the bus of one connection says.

use std::fmt;
use std::sync::Arc;

use super::membership::Message;
use super::{Link, ScopeHash};
use crate::runtime::sync::atomic::Ordering;
use crate::tier::remote::{ANNOUNCED, REQUESTED};

/// Where a connection hands over what the bus says. Its methods never block: they run where the bytes are read.
pub(crate) trait Bus: fmt::Debug + Send + Sync {
    /// A message, exactly as it was published. Messages are not trusted: what does not parse is dropped, and a forged
    /// invalidation costs a miss.
    fn message(&self, payload: &[u8]);

    /// The connection that carries the bus, or the one that carries the commands, is gone.
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

/// The nonce of a heartbeat. The epochs that follow it are for readers of the channel: this instance takes them from the
/// reply.
fn parse_beat(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.split_once(' ')?.0.parse().ok()
}

/// What another member asks or says.
fn parse_member(payload: &[u8]) -> Option<Message<'_>> {
    let (what, id) = std::str::from_utf8(payload).ok()?.split_once(' ')?;
    match what {
        REQUESTED => Some(Message::Requested(id)),
        ANNOUNCED => Some(Message::Announced(id)),
        _ => None,
    }
}
