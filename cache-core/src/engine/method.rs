//! What the parts of a region share.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::entry_keys::EntryKeys;
use super::lives::Lives;
use super::previous::Previous;
use super::read_options::{CacheIf, Presence};
use super::refresh::Refreshes;
use super::region::RegionSpec;
use super::shared::FillPermit;
use super::tags::{self, Family, OfValue, Tags, TagsOf};
use super::user_code::guarded;
use crate::cache::Cache;
use crate::coherence::Coherence;
use crate::config::limits;
use crate::freshness::{MethodEntries, SequenceSnapshot};
use crate::key::{Head, KeyPart, KeyText, prefix_scope};
use crate::observability::Counters;
use crate::policy::{LocalCapacity, ReadPolicy, Staleness, lifetime};
use crate::process::Process;
use crate::protocol::{MAX_PREFIXES, Mode, Protection, Scope, ScopeHash, Scopes};
use crate::runtime::random;
use crate::tier::local::Weight;

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
    tags: MethodTags<R>,
    /// The local entries, unless the local tier is off.
    entries: Option<Arc<dyn MethodEntries>>,
    pub(super) refreshes: Arc<Refreshes>,
    /// Those of present values, and of absences.
    staleness: [Staleness; 2],
    /// The longest time for a call of the store.
    pub(super) load_deadline: Duration,
}

/// The tags of the entries of a method.
struct MethodTags<R> {
    families: Vec<Family>,
    /// The scopes of whole families, each of which contains every entry of the method.
    wholes: Vec<Scope>,
    /// The clocks of the families from which values take tags.
    clocks: Vec<Scope>,
    /// The names of those families, by which the local tier has their clocks.
    clock_names: Vec<ScopeHash>,
    /// The number of tags of a key.
    of_key: usize,
    of_value: OfValue<R>,
}

impl<R> MethodTags<R> {
    fn new<K>(tags: Tags<K, R>, mode: Mode) -> Self {
        let of_key = tags.key_count();
        let Tags { families, of_value, .. } = tags;
        let whole = |family: &Family| {
            family.is_read_in(mode);
            prefix_scope(&family.head, |_| ())
        };
        let wholes: Vec<Scope> = families.iter().map(whole).collect();
        let of_values = || of_value.families.iter().map(|place| &wholes[*place]);
        let (clocks, clock_names) = (
            of_values().flat_map(Scope::family_clocks).collect(),
            of_values().filter_map(Scope::tag_clock_name).collect(),
        );
        Self { families, wholes, clocks, clock_names, of_key, of_value }
    }
}

impl<R> Method<R> {
    pub(super) fn new<K>(
        cache: &Cache,
        spec: &RegionSpec,
        policy: ReadPolicy,
        presence: Presence<R>,
        head: Head,
        tags: Tags<K, R>,
    ) -> Self {
        let counters = Arc::new(Counters::new(spec.store, spec.method, cache.backend()));
        let whole = prefix_scope(&head, |_| ());
        let prefixes = &spec.prefixes[..spec.prefixes.len().min(MAX_PREFIXES)];
        let tags = MethodTags::new(tags, policy.mode);
        let settings = &cache.0.process.settings;
        let staleness = [false, true].map(|absent| {
            let staleness = Staleness::of(&policy, absent, settings.refreshes > 0);
            let ends = !absent && matches!(presence.lives, Lives::Until(_));
            if ends { staleness.without_old_values() } else { staleness }
        });
        let load_deadline = policy.load_deadline.map_or(settings.load_deadline, limits::deadline);
        Self {
            cache: cache.clone(),
            policy,
            presence,
            counters,
            head,
            whole,
            prefixes,
            tags,
            entries: None,
            refreshes: Arc::default(),
            staleness,
            load_deadline,
        }
    }

    /// Sets the local entries, which the invalidations of this method reach from now on.
    pub(super) fn with_entries(self, entries: Option<Arc<dyn MethodEntries>>) -> Self {
        if let Some(entries) = &entries {
            self.coherence().freshness.add(Arc::downgrade(entries));
        }
        Self { entries, ..self }
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

    /// How long before and after the end of its life an entry has a special treatment.
    pub(super) fn staleness(&self, absent: bool) -> &Staleness {
        &self.staleness[usize::from(absent)]
    }

    /// How long a caller waits for a load if expired values may answer, unless it waits for its end.
    pub(super) fn soft_timeout(&self) -> Option<Duration> {
        let soft = self.policy.soft_timeout.filter(|_| !self.policy.stale_if_error.is_zero())?;
        Some(limits::deadline(soft).min(self.load_deadline))
    }

    /// Whether an entry is refreshed only if it is stored before its refresh is due.
    ///
    /// A refresh begins a fixed time before the end of the life. A value with a life of its own may live shorter than
    /// that, and would be loaded at every hit. A copy of one from the shared tier does not show how long it lives.
    pub(super) fn is_refreshed_in_time_only(&self, absent: bool) -> bool {
        !absent && !matches!(self.presence.lives, Lives::OfPolicy)
    }

    /// Returns the lifetime of a loaded value from the start of its load, if it is cached.
    pub(super) fn lifetime(&self, value: &R, cache_if: Option<&CacheIf<R>>, permit: &FillPermit) -> Option<Duration> {
        let is_kept = |cache_if: &CacheIf<R>| guarded(self.name(), "cache_if", || cache_if(value)).unwrap_or(false);
        let absent = self.presence.is_absent(value);
        let own = || {
            if !cache_if.is_none_or(is_kept) {
                return None;
            }
            if absent { Some(Duration::MAX) } else { self.own_life(value, permit) }
        };
        lifetime(&self.policy, absent, own, random::fraction())
    }

    /// Counts a load that has returned the value before, since its version is current.
    pub(super) fn revalidated(&self, previous: Option<&Previous<R>>) {
        if previous.is_some_and(Previous::was_current) {
            Counters::add(&self.counters.revalidated);
        }
    }

    /// The longest life of this value; `None` if only its load knew it.
    pub(super) fn longest_life(&self, value: &R) -> Option<Duration> {
        let absent = self.presence.is_absent(value);
        let ttl = if absent { self.policy.negative_ttl.unwrap_or_default() } else { self.policy.ttl }
            .min(limits::LONGEST_LIFE);
        match self.presence.lives {
            Lives::For(life) if !absent => {
                let own = guarded(self.name(), "ttl_from", || life(value)).flatten();
                Some(own.map_or(ttl, |own| own.min(ttl)))
            }
            Lives::Until(_) if !absent => None,
            _ => Some(ttl),
        }
    }

    /// Returns the weight of an entry with this value, if the local tier may have it.
    pub(super) fn weigh(&self, value: &R) -> Option<Weight>
    where
        R: Serialize,
    {
        let LocalCapacity::Bytes(capacity) = self.policy.local_capacity else { return Some(Weight::ONE) };
        let size = match self.presence.weigh {
            _ if self.presence.is_absent(value) => 0,
            Some(weigh) => guarded(self.name(), "weigh", || weigh(value))?,
            None => self.policy.codec.encoded_size(value).ok()?,
        };
        Weight::of_value(size, capacity)
    }

    /// The number of prefixes and tags of an entry.
    pub(super) fn stamped(&self) -> usize {
        (self.prefixes.len() + self.tags.of_key + self.tags.of_value.count).min(MAX_PREFIXES)
    }

    /// The scopes that contain every entry of the method.
    pub(super) fn wholes(&self) -> impl Iterator<Item = ScopeHash> {
        std::iter::once(&self.whole).chain(&self.tags.wholes).map(Scope::hash)
    }

    /// Whether some tags of an entry come from its value.
    pub(super) fn has_value_tags(&self) -> bool {
        self.tags.of_value.tags.is_some()
    }

    /// The maximum number of tags that come from a value.
    pub(super) fn value_tags(&self) -> usize {
        self.tags.of_value.count
    }

    /// Returns the scopes of the tags that a value determines, or `None` if the user's expression panics.
    ///
    /// An absence has none.
    pub(super) fn tags_of_value(&self, value: &R) -> Option<Scopes> {
        let MethodTags { families, of_value, .. } = &self.tags;
        let Some(tags) = of_value.tags else { return Some(Scopes::new()) };
        guarded(self.name(), "tags", || tags::collect(families, value, tags))
    }

    /// Takes a snapshot of the local sequences of an entry's scopes.
    ///
    /// Without a local tier it is one that nothing is filled under.
    pub(super) fn snapshot(&self, keys: &EntryKeys) -> SequenceSnapshot {
        let sequence = self.entries.as_ref().map_or(0, |entries| entries.sequence());
        let freshness = &self.coherence().freshness;
        let snapshot = freshness.snapshot(sequence, keys.own_scope(), keys.stamped_scopes());
        if self.tags.clocks.is_empty() || !self.protects(Protection::TagClock) {
            return snapshot;
        }
        freshness.with_clocks(snapshot, self.tags.clock_names.iter().copied())
    }

    /// The local sequences of everything that can invalidate an entry, added up.
    ///
    /// The clocks stand for the tags of its value, which are unknown here.
    pub(super) fn local_version(&self, keys: &EntryKeys) -> u64 {
        let freshness = &self.coherence().freshness;
        let own = keys.fenced_scopes().iter().map(|scope| freshness.sequence(scope));
        let clocks = (!self.tags.clocks.is_empty()).then(|| freshness.clock(self.tags.clock_names.iter().copied()));
        own.chain(clocks).fold(0, u64::wrapping_add)
    }

    /// Adds the tags that a value determines to a snapshot from before the value was read.
    pub(super) fn tagged(&self, snapshot: SequenceSnapshot, tags: &[Scope]) -> SequenceSnapshot {
        let tags = tags.iter().map(Scope::hash);
        self.coherence().freshness.tagged(snapshot, tags, self.value_tags())
    }

    /// Returns the Redis keys of an entry whose key has these tags.
    pub(super) fn keys<K: KeyPart>(&self, key: &K, tags: Option<TagsOf<K>>) -> EntryKeys {
        let prefixes = self.prefixes.iter().map(|width| prefix_scope(&self.head, |out| key.write_first(*width, out)));
        let mut stamped: Scopes = prefixes.collect();
        if let Some(of_key) = tags {
            stamped.extend(tags::collect(&self.tags.families, key, of_key));
        }
        let MethodTags { wholes, clocks, .. } = &self.tags;
        EntryKeys::new(KeyText::of(&self.head, key), &self.whole, stamped, wholes, clocks)
    }
}

impl<R: Clone> Method<R> {
    /// Clones a value; returns `None` if that panics.
    pub(super) fn copy(&self, value: &R) -> Option<R> {
        guarded(self.name(), "Clone", || value.clone())
    }
}
