//! The Redis keys of an entry.

use crate::key::{KeyText, hash_of_key};
use crate::protocol::{Scope, ScopeHash, Scopes};

/// The keys of one entry, built after a miss in the local tier.
#[derive(Debug)]
pub(super) struct EntryKeys {
    /// The entry's own scope, that of the whole method, then those of its prefixes.
    pub(super) scopes: Scopes,
    /// The text of the key, if the Redis key holds only its hash.
    pub(super) full_key: Option<Box<str>>,
}

impl EntryKeys {
    pub(super) fn new(text: KeyText, wider: impl Iterator<Item = Scope>) -> Self {
        let scopes = std::iter::once(text.own).chain(wider).collect();
        Self { scopes, full_key: text.full }
    }

    /// The key of the entry.
    pub(super) fn entry(&self) -> &str {
        self.scopes[0].name()
    }

    pub(super) fn hash(&self) -> u128 {
        hash_of_key(self.full_key.as_deref().unwrap_or(self.entry()))
    }

    /// The entry's own scope.
    pub(super) fn own_scope(&self) -> ScopeHash {
        self.scopes[0].hash()
    }

    /// The scopes of the entry's prefixes.
    pub(super) fn prefix_scopes(&self) -> impl Iterator<Item = ScopeHash> {
        self.scopes.iter().skip(2).map(Scope::hash)
    }

    /// The keys of the scopes' generations.
    pub(super) fn generation_keys(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(Scope::generation_key)
    }
}
