//! The Redis keys of an entry.

use crate::key::{KeyText, hash_of_key};
use crate::protocol::{Scope, ScopeHash, Scopes};

/// The keys of one entry, built after a miss in the local tier.
#[derive(Debug)]
pub(super) struct EntryKeys {
    /// The entry's own scope, that of the whole method, those of its prefixes and of the tags of its key, those of the
    /// families of its tags, and the clocks of the families that its value takes tags from.
    ///
    /// A look-up reads all of them. The first `fenced` are part of the fence.
    pub(super) scopes: Scopes,
    /// The number of scopes that can invalidate the entry: all but the clocks.
    pub(super) fenced: usize,
    /// The number of prefixes and of tags of the key.
    stamped: usize,
    /// The text of the key, if the Redis key holds only its hash.
    pub(super) full_key: Option<Box<str>>,
}

impl EntryKeys {
    /// Creates the keys of an entry of the method `whole`.
    ///
    /// `stamped` has the scopes of its prefixes and of the tags of its key.
    pub(super) fn new(text: KeyText, whole: &Scope, stamped: Scopes, families: &[Scope], clocks: &[Scope]) -> Self {
        let count = stamped.len();
        let mut scopes: Scopes = [text.own, whole.clone()].into_iter().chain(stamped).collect();
        scopes.extend(families.iter().cloned());
        let fenced = scopes.len();
        scopes.extend(clocks.iter().cloned());
        Self { scopes, fenced, stamped: count, full_key: text.full }
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

    /// The scopes of the entry's prefixes, and of the tags of its key.
    pub(super) fn stamped_scopes(&self) -> impl Iterator<Item = ScopeHash> {
        self.scopes[2..].iter().take(self.stamped).map(Scope::hash)
    }

    /// The scopes that can invalidate the entry.
    pub(super) fn fenced_scopes(&self) -> &[Scope] {
        &self.scopes[..self.fenced]
    }

    /// The clocks of the families that the value takes tags from.
    pub(super) fn clocks(&self) -> &[Scope] {
        &self.scopes[self.fenced..]
    }

    /// Replaces the clocks by the tags that the value determines, for the fill.
    pub(super) fn set_value_tags(&mut self, tags: &[Scope]) {
        self.scopes.truncate(self.fenced);
        self.scopes.extend(tags.iter().cloned());
        self.fenced = self.scopes.len();
    }

    /// The keys of the generations in the fence.
    pub(super) fn generation_keys(&self) -> impl Iterator<Item = &str> {
        self.fenced_scopes().iter().map(Scope::generation_key)
    }
}
