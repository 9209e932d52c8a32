//! The fence of an entry: the versions of everything that can invalidate it.
//!
//! It is read before the load begins and stored with the entry. A reader compares it with the current versions, so an
//! entry whose load was slower than a write is a miss.

use super::{Generation, Scope, ScopeHash};

/// The epoch under which a load began: the server process and the namespace epoch.
///
/// Entries of another epoch are misses: a fail-over to a lagging replica must not bring invalidated entries back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Epoch(pub(crate) u64);

impl Epoch {
    /// Derives the epoch from the id of the server process and the namespace epoch.
    pub(crate) fn of(run: &str, namespace: &str) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(format!("{run} {namespace}").as_bytes()))
    }
}

/// The epoch and the generations of an entry's scopes, as of before its load.
///
/// The entry is current as long as a reader finds the same ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) epoch: Epoch,
    /// The scopes of the entry with their generations, its own scope first.
    pub(crate) generations: Vec<(ScopeHash, Generation)>,
}

impl Fence {
    /// Creates the fence of these scopes; generations beyond them are ignored.
    pub(crate) fn new(epoch: Epoch, scopes: &[Scope], generations: impl IntoIterator<Item = Generation>) -> Self {
        Self { epoch, generations: scopes.iter().map(Scope::hash).zip(generations).collect() }
    }
}
