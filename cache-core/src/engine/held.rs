//! Scopes that this instance bypasses while their invalidation is being delivered.

use super::announce::advance;
use crate::cache::Cache;
use crate::coherence::Unreleased;
use crate::protocol::{Protection, Scope};

/// Makes reads of this instance bypass the shared tier until the invalidation of the scopes is delivered.
///
/// If the runtime shuts down and this is dropped early, the scopes stay with the journal.
#[derive(Debug)]
pub(super) struct Held {
    cache: Cache,
    scopes: Vec<Scope>,
}

impl Held {
    /// Holds the scopes, and invalidates their local entries.
    ///
    /// The local entries come second: a read that checked the journal before must not keep what it finds.
    pub(super) fn new(cache: &Cache, scopes: Vec<Scope>) -> Self {
        let scopes = if is_journaled(cache) { scopes } else { Vec::new() };
        if !scopes.is_empty() {
            cache.0.coherence.journal.hold(&scopes);
            advance(cache, &scopes);
        }
        Self { cache: cache.clone(), scopes }
    }

    /// Stops holding the scopes, after the invalidation was delivered or added to the journal.
    pub(super) fn end(mut self) {
        let scopes = std::mem::take(&mut self.scopes);
        if !scopes.is_empty() {
            self.cache.0.coherence.journal.unhold(&scopes);
            self.cache.0.coherence.signals.delivered.notify_waiters();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.scopes.is_empty() {
            journal(&self.cache, &self.scopes);
            self.cache.0.coherence.journal.unhold(&self.scopes);
        }
    }
}

/// Adds scopes to the journal, and schedules their delivery.
pub(super) fn journal(cache: &Cache, scopes: &[Scope]) {
    if !scopes.is_empty() && cache.has_remote() && is_journaled(cache) {
        cache.0.coherence.journal.add(scopes);
        cache.0.coherence.deliver_soon();
    }
}

/// Leaves the release of a finished write to the journal.
pub(super) fn release_later(cache: &Cache, write: Unreleased) {
    if is_journaled(cache) {
        cache.0.coherence.journal.add_unreleased(write);
    }
}

/// Whether invalidations that were not delivered are journaled. Those bound to their caller are not.
fn is_journaled(cache: &Cache) -> bool {
    [Protection::Journal, Protection::InvalidationTask].into_iter().all(|needed| cache.0.process.protects(needed))
}
