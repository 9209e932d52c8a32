//! The token of the newest state that this client has seen.

use std::sync::{Mutex, PoisonError};

/// Keeps the token of the last response.
///
/// A replica that is older than the token of a request first catches up
/// (<https://upstash.com/docs/redis/howto/readyourwrites>). The token is opaque: of two responses that overlap, the one
/// that arrives last counts.
#[derive(Debug, Default)]
pub(super) struct SyncToken(Mutex<Option<String>>);

impl SyncToken {
    pub(super) fn newest(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn received(&self, token: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }
}
