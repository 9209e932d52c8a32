//! The local tier: a bounded in-process cache of typed values, with two engines behind one interface.
//!
//! An entry carries its end of life and the stamp of its wide scopes, and a look-up checks neither: it may return an
//! outdated entry, which the caller rejects. An invalidation of a method or a prefix therefore does not touch this
//! module, and takes the same time for any number of entries. An invalidation of one entry removes it.
//!
//! Invariant: an entry is inserted only if the invalidations of its own scope that have begun to remove left the
//! caller's check true. The lock of the scope's shard makes check and insertion one step for them, so that an
//! invalidation either finds the entry, or is seen by the check.

mod engine;
mod entry;
mod idle;
mod placed;
mod scope_index;
mod weight;

pub(crate) use engine::Engine;
pub(crate) use entry::{EndOfLife, LocalEntry};
pub(crate) use weight::Weight;

use std::time::Duration;

use self::idle::{Idle, LastUse, Tick};
use self::placed::Placed;
use self::scope_index::ScopeIndex;
use crate::freshness::MethodEntries;
use crate::key::{KeyPart, Lookup};
use crate::policy::ReadPolicy;
use crate::protocol::ScopeHash;
use crate::runtime::Moment;
use crate::runtime::sync::atomic::{AtomicU64, Ordering};

/// The local tier of one read method.
#[derive(Debug)]
pub(crate) struct LocalTier<K, R> {
    engine: Engine<K, R>,
    /// Decides which entries leave because no read uses them.
    idle: Option<Idle>,
    /// The number of invalidations of all entries.
    sequence: AtomicU64,
    /// The number of prefixes and tags of an entry.
    prefixes: usize,
    scopes: ScopeIndex,
    /// The scopes of the whole method, and of the families of its tags.
    whole: Box<[ScopeHash]>,
}

/// The properties of a new entry that it does not have itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placing {
    pub(crate) now: Moment,
    /// The entry is of no use after this time.
    pub(crate) life: Duration,
    pub(crate) weight: Weight,
}

impl<K, R> LocalTier<K, R>
where
    K: KeyPart,
    R: Clone + Send + Sync + 'static,
{
    /// Creates the local tier of a method, unless the policy disables it.
    ///
    /// `whole` has the scopes of all its entries, and `prefixes` is the number of prefixes and tags of an entry.
    pub(crate) fn new(
        policy: &ReadPolicy,
        whole: impl IntoIterator<Item = ScopeHash>,
        prefixes: usize,
    ) -> Option<Self> {
        let has_room = !policy.local_capacity.is_zero() && policy.tti != Some(Duration::ZERO);
        let is_on = policy.enabled && policy.local && has_room;
        is_on.then(|| Self {
            engine: Engine::new(policy.local_engine, policy.local_capacity, policy.tti),
            idle: policy.tti.map(Idle::new),
            sequence: AtomicU64::new(0),
            prefixes,
            scopes: ScopeIndex::new(),
            whole: whole.into_iter().collect(),
        })
    }

    #[inline]
    pub(crate) fn prefixes(&self) -> usize {
        self.prefixes
    }

    /// Whether entries leave because no read uses them. Such a tier is read by [`get_in_use`](Self::get_in_use).
    pub(crate) fn has_idle_entries(&self) -> bool {
        self.idle.is_some()
    }

    /// Returns the entry of a tier without a time to idle.
    #[inline]
    pub(crate) fn get<L: Lookup<K>>(&self, key: &L) -> Option<LocalEntry<R>> {
        self.engine.get(key)
    }

    /// Returns the entry, unless it is idle, and uses it.
    pub(crate) fn get_in_use<L: Lookup<K>>(&self, key: &L, now: Moment) -> Option<LocalEntry<R>> {
        match &self.idle {
            Some(idle) => self.engine.get_in_use(key, idle, idle.tick(now)),
            None => self.engine.get(key),
        }
    }

    /// Inserts the entry of this own scope, if `check` holds while no invalidation of the scope can remove.
    pub(crate) fn insert(
        &self,
        scope: ScopeHash,
        key: K,
        entry: LocalEntry<R>,
        Placing { now, life, weight }: Placing,
        check: impl FnOnce() -> bool,
    ) {
        let used = LastUse::at(self.idle.as_ref().map_or_else(Tick::default, |idle| idle.tick(now)));
        let place = self.engine.place(&key);
        let mut locked = self.scopes.lock(scope);
        if !check() {
            return;
        }
        let address = locked.add(place, |address| self.engine.contains(address));
        let evicted = self.engine.insert(Placed { address, weight, used, key }, entry, life);
        drop(locked);
        // The destructors of keys and values are user code, which may invalidate. (moka runs them where it evicts.)
        drop(evicted);
    }

    /// Calls `visit` with the key of each entry that is in use and whose end has this property.
    ///
    /// It does not count as a use. Entries that are inserted or removed meanwhile may be missing.
    #[cfg(feature = "json")]
    pub(crate) fn visit_keys(&self, now: Moment, has: impl Fn(EndOfLife) -> bool, visit: impl FnMut(K)) {
        let is_used = |key: &Placed<K>| self.idle.as_ref().is_none_or(|idle| idle.is_used(&key.used, idle.tick(now)));
        self.engine.visit_keys(|key, entry| is_used(key) && has(entry.end), visit);
    }

    /// Returns the number of entries, including those that expired or whose wide scopes were invalidated.
    pub(crate) fn len(&self) -> u64 {
        self.engine.len()
    }

    /// Returns the sum of the weights of these entries.
    pub(crate) fn weight(&self) -> u64 {
        self.engine.weight()
    }

    /// Whether idle entries are to be [removed](Self::sweep). It is true once in each time to idle.
    pub(crate) fn sweeps(&self, now: Moment) -> bool {
        self.idle.as_ref().is_some_and(|idle| idle.sweeps(now))
    }

    /// Removes the entries that are idle.
    ///
    /// An entry that replaces an idle one meanwhile may be removed in its place, which costs a miss.
    pub(crate) fn sweep(&self, now: Moment) {
        let Some(idle) = &self.idle else { return };
        let tick = idle.tick(now);
        let mut removed = Vec::new();
        for address in self.engine.addresses(|key, _| !idle.is_used(&key.used, tick)) {
            self.engine.remove(address, &mut removed);
        }
    }
}

impl<K, R> MethodEntries for LocalTier<K, R>
where
    K: KeyPart,
    R: Clone + Send + Sync + 'static,
{
    fn is_in(&self, scope: ScopeHash) -> bool {
        self.whole.contains(&scope)
    }

    #[inline]
    fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    fn invalidate_all(&self) {
        self.sequence.fetch_add(1, Ordering::AcqRel);
    }

    fn remove(&self, scope: ScopeHash) {
        let mut locked = self.scopes.lock(scope);
        let mut removed = Vec::new();
        while let Some(address) = locked.take() {
            self.engine.remove(address, &mut removed);
        }
        drop(locked);
        // As above.
        drop(removed);
    }
}
