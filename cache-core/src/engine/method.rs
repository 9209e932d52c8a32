//! What the parts of a region share.

use std::sync::Arc;

use super::entry_keys::EntryKeys;
use super::read_options::Presence;
use super::region::RegionSpec;
use super::user_code::guarded;
use crate::cache::Cache;
use crate::coherence::Coherence;
use crate::freshness::{MethodEntries, SequenceSnapshot};
use crate::key::{Head, KeyPart, KeyText, prefix_scope};
use crate::observability::Counters;
use crate::policy::ReadPolicy;
use crate::process::Process;
use crate::protocol::{MAX_PREFIXES, Protection, Scope};

/// A read method: its names, its policy and its counters.
pub(super) struct Method<R> {
    pub(super) cache: Cache,
    pub(super) policy: ReadPolicy,
    pub(super) presence: Presence<R>,
    pub(super) counters: Arc<Counters>,
    /// The beginning of every key.
    pub(super) head: Head,
    /// The scope of every entry.
    whole: Scope,
    /// The lengths of the key prefixes that have a scope.
    prefixes: &'static [usize],
    /// The local entries, unless the local tier is off.
    entries: Option<Arc<dyn MethodEntries>>,
}

impl<R> Method<R> {
    pub(super) fn new(cache: &Cache, spec: &RegionSpec, policy: ReadPolicy, presence: Presence<R>, head: Head) -> Self {
        let counters = Arc::new(Counters::new(spec.store, spec.method, cache.backend()));
        let whole = prefix_scope(&head, |_| ());
        let prefixes = &spec.prefixes[..spec.prefixes.len().min(MAX_PREFIXES)];
        Self { cache: cache.clone(), policy, presence, counters, head, whole, prefixes, entries: None }
    }

    /// Sets the local entries, which the invalidations of this method reach from now on.
    pub(super) fn with_entries(self, entries: Option<Arc<dyn MethodEntries>>) -> Self {
        if let Some(entries) = &entries {
            self.coherence().freshness.add(Arc::downgrade(entries));
        }
        Self { entries, ..self }
    }

    /// The scope of the whole method.
    pub(super) fn whole(&self) -> &Scope {
        &self.whole
    }

    /// The name of the method in log lines: the beginning of its keys.
    pub(super) fn name(&self) -> &str {
        self.head.text()
    }

    pub(super) fn process(&self) -> &Process {
        &self.cache.0.process
    }

    pub(super) fn coherence(&self) -> &Coherence {
        &self.cache.0.coherence
    }

    pub(super) fn protects(&self, protection: Protection) -> bool {
        self.process().protects(protection)
    }

    /// The number of prefixes of an entry that have a scope.
    pub(super) fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    /// Takes a snapshot of the local sequences of an entry's scopes.
    ///
    /// Without a local tier it is one that nothing is filled under.
    pub(super) fn snapshot(&self, keys: &EntryKeys) -> SequenceSnapshot {
        let sequence = self.entries.as_ref().map_or(0, |entries| entries.sequence());
        self.coherence().freshness.snapshot(sequence, keys.own_scope(), keys.prefix_scopes())
    }

    /// Returns the Redis keys of an entry.
    pub(super) fn keys<K: KeyPart>(&self, key: &K) -> EntryKeys {
        let prefixes = self.prefixes.iter().map(|width| prefix_scope(&self.head, |out| key.write_first(*width, out)));
        EntryKeys::new(KeyText::of(&self.head, key), std::iter::once(self.whole.clone()).chain(prefixes))
    }
}

impl<R: Clone> Method<R> {
    /// Clones a value; returns `None` if that panics.
    pub(super) fn copy(&self, value: &R) -> Option<R> {
        guarded(self.name(), "Clone", || value.clone())
    }
}
