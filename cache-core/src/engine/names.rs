//! Everything that the shared tier calls an entry by.

use crate::coherence::{Scope, ScopeHash};
use crate::envelope::Fence;
use crate::flight::FoundFence;
use crate::key::KeyText;

/// The names of one entry: built when the local tier did not answer.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) text: KeyText,
    /// The entry's own scope first, then the wider ones.
    pub(super) scopes: Vec<Scope>,
    pub(super) hashes: Vec<ScopeHash>,
    pub(super) gen_keys: Vec<String>,
}

impl Names {
    pub(super) fn new(text: KeyText, wider: impl Iterator<Item = Scope>) -> Self {
        let mut scopes = vec![Scope::new(text.key.clone())];
        scopes.extend(wider);
        let hashes = scopes.iter().map(Scope::hash).collect();
        let gen_keys = scopes.iter().map(Scope::gen_key).collect();
        Self { text, scopes, hashes, gen_keys }
    }

    /// What the tokens of the scopes are called.
    pub(super) fn gens(&self) -> Vec<&str> {
        self.gen_keys.iter().map(String::as_str).collect()
    }

    /// These scopes with the tokens that were read for them.
    pub(super) fn fence<'a>(&'a self, found: &'a FoundFence) -> Fence<'a> {
        Fence { epoch: found.epoch, scopes: &self.hashes, gens: &found.gens }
    }
}
