//! What the bus of one connection says.

use std::fmt;
use std::sync::Arc;

use super::{Link, ScopeHash};
use crate::runtime::sync::atomic::Ordering;

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
        } else if let Some((nonce, epoch)) = payload.strip_prefix(b"B ").and_then(parse_beat) {
            self.link.beat_returned(self.session, nonce, epoch);
        }
    }

    fn disconnected(&self) {
        self.link.close_session(self.session);
    }
}

fn parse_beat(text: &[u8]) -> Option<(u64, &str)> {
    let (nonce, epoch) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    Some((nonce.parse().ok()?, epoch))
}
