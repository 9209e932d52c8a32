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
mod placed;
mod scope_index;

pub(crate) use engine::Engine;
pub(crate) use entry::{EndOfLife, LocalEntry};

use std::time::Duration;

use self::placed::Placed;
use self::scope_index::ScopeIndex;
use crate::freshness::MethodEntries;
use crate::key::{KeyPart, Lookup};
use crate::policy::ReadPolicy;
use crate::protocol::ScopeHash;
use crate::runtime::sync::atomic::{AtomicU64, Ordering};

/// The local tier of one read method.
#[derive(Debug)]
pub(crate) struct LocalTier<K, R> {
    engine: Engine<K, R>,
    /// The number of invalidations of all entries.
    sequence: AtomicU64,
    /// The number of prefixes and tags of an entry.
    prefixes: usize,
    scopes: ScopeIndex,
    /// The scopes of the whole method, and of the families of its tags.
    whole: Box<[ScopeHash]>,
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
        let is_on = policy.enabled && policy.local && policy.local_capacity > 0;
        is_on.then(|| Self {
            engine: Engine::new(policy.local_engine, policy.local_capacity),
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

    #[inline]
    pub(crate) fn get<L: Lookup<K>>(&self, key: &L) -> Option<LocalEntry<R>> {
        self.engine.get(key)
    }

    /// Inserts the entry of this own scope, if `check` holds while no invalidation of the scope can remove.
    ///
    /// It is of no use after `life`.
    pub(crate) fn insert(
        &self,
        scope: ScopeHash,
        key: K,
        entry: LocalEntry<R>,
        life: Duration,
        check: impl FnOnce() -> bool,
    ) {
        let place = self.engine.place(&key);
        let mut locked = self.scopes.lock(scope);
        if !check() {
            return;
        }
        let address = locked.add(place, |address| self.engine.contains(address));
        let evicted = self.engine.insert(Placed { address, key }, entry, life);
        drop(locked);
        // The destructors of keys and values are user code, which may invalidate. (moka runs them where it evicts.)
        drop(evicted);
    }

    /// Returns the number of entries, including those that expired or whose wide scopes were invalidated.
    pub(crate) fn len(&self) -> u64 {
        self.engine.len()
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
