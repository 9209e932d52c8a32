//! The Redis keys of an entry.

use crate::coherence::{Scope, ScopeHash};
use crate::envelope::Fence;
use crate::flight::FoundFence;
use crate::key::{KeyText, hash_of_key};

/// The keys of one entry, built after a miss in the local tier.
#[derive(Debug)]
pub(super) struct Names {
    /// The entry's own scope first, then the wider ones.
    pub(super) scopes: Vec<Scope>,
    /// The text of the key, if the Redis key holds only its hash.
    pub(super) full_key: Option<Box<str>>,
}

impl Names {
    pub(super) fn new(text: KeyText, wider: impl Iterator<Item = Scope>) -> Self {
        let mut scopes = Vec::with_capacity(2);
        scopes.push(text.own);
        scopes.extend(wider);
        Self { scopes, full_key: text.full }
    }

    /// The key of the entry.
    pub(super) fn key(&self) -> &str {
        self.scopes[0].name()
    }

    pub(super) fn key_hash(&self) -> u128 {
        hash_of_key(self.full_key.as_deref().unwrap_or(self.key()))
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = ScopeHash> {
        self.scopes.iter().map(Scope::hash)
    }

    /// The Redis keys of the scopes' generations.
    pub(super) fn gens(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(Scope::gen_key)
    }

    /// The fence of these scopes, with the generations that were read for them.
    pub(super) fn fence<'a>(&'a self, found: &'a FoundFence) -> Fence<'a> {
        Fence { epoch: found.epoch, scopes: &self.scopes, gens: &found.gens }
    }
}
