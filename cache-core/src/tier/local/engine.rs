//! The storage engines of the local tier.
//!
//! Each finds an entry by a borrowed key, without an allocation. Keys are compared by their parts (`Exact`) and not by
//! `Eq`, so that both tiers agree on which keys are equal.

use std::fmt;

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache as Quick, DefaultLifecycle};

use super::LocalEntry;
use crate::key::{Exact, KeyPart, Lookup, Owned, Query};
use crate::policy::LocalEngine;
use crate::runtime::Moment;

const LARGEST_CAPACITY: usize = u32::MAX as usize;
/// The largest estimate: `quick_cache` allocates it at once, and grows beyond it.
const LARGEST_ESTIMATE: usize = 1 << 16;

type QuickCache<K, R> =
    Quick<Exact<K>, LocalEntry<R>, UnitWeighter, RandomState, DefaultLifecycle<Exact<K>, LocalEntry<R>>>;
#[cfg(feature = "moka")]
type MokaCache<K, R> = moka::sync::Cache<Exact<K>, housekeeping::Timed<R>, RandomState>;

/// Stores entries and evicts them when there are too many. The caller decides whether an entry is valid.
///
/// Each process seeds the hash at random, so that keys chosen by outsiders cannot be made to collide.
pub(crate) enum Engine<K, R> {
    Quick(Box<QuickCache<K, R>>),
    #[cfg(feature = "moka")]
    Moka(MokaCache<K, R>),
}

impl<K, R> Engine<K, R>
where
    K: KeyPart,
    R: Clone + Send + Sync + 'static,
{
    pub(super) fn new(engine: LocalEngine, capacity: usize) -> Self {
        let capacity = capacity.min(LARGEST_CAPACITY);
        match engine {
            LocalEngine::Quick => Self::Quick(Box::new(QuickCache::with(
                capacity.min(LARGEST_ESTIMATE),
                capacity as u64,
                UnitWeighter,
                RandomState::default(),
                DefaultLifecycle::default(),
            ))),
            #[cfg(feature = "moka")]
            LocalEngine::Moka => Self::Moka(
                moka::sync::Cache::builder()
                    .max_capacity(capacity as u64)
                    .expire_after(housekeeping::Deadline)
                    .build_with_hasher(RandomState::default()),
            ),
        }
    }

    #[inline]
    pub(super) fn get<L: Lookup<K>>(&self, key: &L) -> Option<LocalEntry<R>> {
        match self {
            Self::Quick(cache) => cache.get(&Query(key)),
            #[cfg(feature = "moka")]
            Self::Moka(cache) => Some(cache.get(&Query(key))?.entry),
        }
    }

    pub(super) fn get_owned(&self, key: &K) -> Option<LocalEntry<R>> {
        match self {
            Self::Quick(cache) => cache.get(&Owned(key)),
            #[cfg(feature = "moka")]
            Self::Moka(cache) => Some(cache.get(&Owned(key))?.entry),
        }
    }

    #[cfg_attr(not(feature = "moka"), expect(unused_variables, reason = "only moka is told how long an entry lives"))]
    pub(super) fn insert(&self, key: K, entry: LocalEntry<R>, now: Moment) {
        let key = Exact(key);
        match self {
            Self::Quick(cache) => cache.insert(key, entry),
            #[cfg(feature = "moka")]
            Self::Moka(cache) => cache.insert(key, housekeeping::Timed { life: entry.deadline.since(now), entry }),
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Quick(cache) => cache.len() as u64,
            #[cfg(feature = "moka")]
            Self::Moka(cache) => cache.entry_count(),
        }
    }
}

impl<K, R> fmt::Debug for Engine<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quick(_) => "Quick",
            #[cfg(feature = "moka")]
            Self::Moka(_) => "Moka",
        })
    }
}

#[cfg(feature = "moka")]
pub(crate) mod housekeeping {
    //! Lets moka remove expired entries. The deadline still decides whether an entry is valid.

    use std::time::{Duration, Instant};

    use super::LocalEntry;

    #[derive(Clone)]
    pub(crate) struct Timed<R> {
        pub(crate) entry: LocalEntry<R>,
        pub(crate) life: Duration,
    }

    pub(super) struct Deadline;

    impl<K, R> moka::Expiry<K, Timed<R>> for Deadline {
        fn expire_after_create(&self, _: &K, value: &Timed<R>, _: Instant) -> Option<Duration> {
            Some(value.life)
        }

        fn expire_after_update(&self, _: &K, value: &Timed<R>, _: Instant, _: Option<Duration>) -> Option<Duration> {
            Some(value.life)
        }
    }
}
