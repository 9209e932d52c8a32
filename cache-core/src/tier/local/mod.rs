//! The local tier: a bounded in-process cache of typed values, with two engines behind one interface.
//!
//! An entry carries its deadline and the snapshot of its scopes, and a look-up checks neither: it may return an
//! outdated entry, which the caller rejects. Invalidation therefore does not touch this module, and takes the same time
//! for any number of entries.

mod engine;

pub(crate) use engine::Engine;

use crate::freshness::SequenceSnapshot;
use crate::key::{KeyPart, Lookup};
use crate::policy::ReadPolicy;
use crate::runtime::Moment;

/// An entry of the local tier.
#[derive(Debug, Clone)]
pub(crate) struct LocalEntry<R> {
    pub(crate) value: R,
    /// The end of its life.
    pub(crate) deadline: Moment,
    /// The snapshot of its scopes' sequences from before the value was read.
    pub(crate) snapshot: SequenceSnapshot,
    pub(crate) absent: bool,
}

/// The local tier of one read method, which may be disabled.
#[derive(Debug)]
pub(crate) struct LocalTier<K, R>(Option<Engine<K, R>>);

impl<K, R> LocalTier<K, R>
where
    K: KeyPart,
    R: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(policy: &ReadPolicy) -> Self {
        let on = policy.enabled && policy.local && policy.local_capacity > 0;
        Self(on.then(|| Engine::new(policy.local_engine, policy.local_capacity)))
    }

    pub(crate) fn off() -> Self {
        Self(None)
    }

    #[inline]
    pub(crate) fn get<L: Lookup<K>>(&self, key: &L) -> Option<LocalEntry<R>> {
        self.0.as_ref()?.get(key)
    }

    /// Returns the entry of an owned key.
    pub(crate) fn get_owned(&self, key: &K) -> Option<LocalEntry<R>> {
        self.0.as_ref()?.get_owned(key)
    }

    pub(crate) fn insert(&self, key: K, entry: LocalEntry<R>, now: Moment) {
        if let Some(engine) = &self.0 {
            engine.insert(key, entry, now);
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the number of entries, including outdated ones that are not evicted yet.
    pub(crate) fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, Engine::len)
    }
}
