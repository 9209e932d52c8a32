//! Everything that the shared tier calls an entry by.

use crate::coherence::{Scope, ScopeHash};
use crate::envelope::Fence;
use crate::flight::FoundFence;
use crate::key::{KeyText, hash_of_key};

/// The names of one entry: built when the local tier did not answer.
#[derive(Debug)]
pub(super) struct Names {
    /// The entry's own scope first, then the wider ones.
    pub(super) scopes: Vec<Scope>,
    /// The text of the key where the key itself holds only its hash.
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

    /// What the tokens of the scopes are called.
    pub(super) fn gens(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(Scope::gen_key)
    }

    /// These scopes with the tokens that were read for them.
    pub(super) fn fence<'a>(&'a self, found: &'a FoundFence) -> Fence<'a> {
        Fence { epoch: found.epoch, scopes: &self.scopes, gens: &found.gens }
    }
}
