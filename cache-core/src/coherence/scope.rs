//! Scopes: what is invalidated as a unit.

use std::sync::Arc;

/// The most scopes that one entry may belong to: its own, the whole method, and six prefixes.
pub(crate) const MAX_SCOPES: usize = 8;

/// Something that is invalidated as a unit: one entry, everything that begins with the same key parts, or a whole
/// read method.
///
/// Only a [`Region`](crate::Region) makes one, so its name is always well formed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope(Arc<str>);

impl Scope {
    pub(crate) fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// The key of this scope's generation token in Redis. The braces are a hash tag: in a cluster the token lies in
    /// the slot of the entry.
    pub(crate) fn gen_key(&self) -> String {
        format!("g:{{{}}}", self.0)
    }

    pub(crate) fn hash(&self) -> ScopeHash {
        ScopeHash(xxhash_rust::xxh3::xxh3_64(self.0.as_bytes()))
    }
}

/// The stable hash of a scope's name, for envelopes and for the stripe of its local sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScopeHash(pub(crate) u64);

impl ScopeHash {
    pub(crate) fn of_name(name: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(name))
    }
}

/// The namespace whose bus carries the news of a scope: the name's first segment. It is derived and not configured, so
/// that two instances that share a store can never be on different buses.
pub(crate) fn bus_namespace(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}
