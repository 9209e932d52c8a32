//! The storage engines of the local tier.
//!
//! Each finds an entry by a borrowed key, without an allocation, or by the place of its key.

use std::fmt;
use std::time::Duration;

use foldhash::fast::RandomState;
use quick_cache::sync::{Cache as QuickCache, DefaultLifecycle};
use quick_cache::{Lifecycle, UnitWeighter};

use super::LocalEntry;
use super::placed::{Address, ByView, Place, Placed, Spread};
use crate::key::{KeyPart, Lookup};
use crate::policy::LocalEngine;

const LARGEST_CAPACITY: usize = u32::MAX as usize;
/// The largest estimate: `quick_cache` allocates it at once, and grows beyond it.
const LARGEST_ESTIMATE: usize = 1 << 17;

type Quick<K, R> =
    QuickCache<Placed<K>, LocalEntry<R>, UnitWeighter, Spread, DefaultLifecycle<Placed<K>, LocalEntry<R>>>;
#[cfg(feature = "moka")]
type Moka<K, R> = moka::sync::Cache<Placed<K>, housekeeping::Timed<R>, Spread>;

/// What an insertion evicted.
pub(super) type Evicted<K, R> =
    <DefaultLifecycle<Placed<K>, LocalEntry<R>> as Lifecycle<Placed<K>, LocalEntry<R>>>::RequestState;

/// A removed entry, with its key if the engine returns it.
pub(super) type Removed<K, R> = (Option<Placed<K>>, LocalEntry<R>);

/// Stores entries and evicts them when there are too many. The caller decides whether an entry is valid.
///
/// Each process seeds the hash at random, so that keys chosen by outsiders cannot be made to collide.
pub(crate) struct Engine<K, R> {
    hasher: RandomState,
    table: Table<K, R>,
}

enum Table<K, R> {
    Quick(Quick<K, R>),
    #[cfg(feature = "moka")]
    Moka(Moka<K, R>),
}

impl<K, R> Engine<K, R>
where
    K: KeyPart,
    R: Clone + Send + Sync + 'static,
{
    pub(super) fn new(engine: LocalEngine, capacity: usize) -> Self {
        let capacity = capacity.min(LARGEST_CAPACITY);
        let table = match engine {
            LocalEngine::Quick => Table::Quick(QuickCache::with(
                capacity.min(LARGEST_ESTIMATE),
                capacity as u64,
                UnitWeighter,
                Spread::default(),
                DefaultLifecycle::default(),
            )),
            #[cfg(feature = "moka")]
            LocalEngine::Moka => Table::Moka(
                moka::sync::Cache::builder()
                    .max_capacity(capacity as u64)
                    .expire_after(housekeeping::Deadline)
                    .build_with_hasher(Spread::default()),
            ),
        };
        Self { hasher: RandomState::default(), table }
    }

    /// The place of a key.
    pub(super) fn place(&self, key: &K) -> Place {
        Place::of(&self.hasher, key)
    }

    #[inline]
    pub(super) fn get<L: Lookup<K>>(&self, view: &L) -> Option<LocalEntry<R>> {
        let query = ByView { place: Place::of(&self.hasher, view), view };
        match &self.table {
            Table::Quick(cache) => cache.get(&query),
            #[cfg(feature = "moka")]
            Table::Moka(cache) => Some(cache.get(&query)?.entry),
        }
    }

    /// Whether there is an entry at the address. It does not count as a use.
    pub(super) fn contains(&self, address: Address) -> bool {
        match &self.table {
            Table::Quick(cache) => cache.contains_key(&address),
            #[cfg(feature = "moka")]
            Table::Moka(cache) => cache.contains_key(&address),
        }
    }

    /// Inserts an entry, and returns what had to be evicted.
    #[cfg_attr(not(feature = "moka"), expect(unused_variables, reason = "only moka is told how long an entry lives"))]
    pub(super) fn insert(&self, key: Placed<K>, entry: LocalEntry<R>, life: Duration) -> Evicted<K, R> {
        let mut evicted = Evicted::<K, R>::default();
        match &self.table {
            Table::Quick(cache) => cache.insert_with_lifecycle(key, entry, &mut evicted),
            #[cfg(feature = "moka")]
            Table::Moka(cache) => {
                cache.insert(key, housekeeping::Timed { entry, life });
            }
        }
        evicted
    }

    /// Moves the entries at the address to `removed`.
    pub(super) fn remove(&self, address: Address, removed: &mut Vec<Removed<K, R>>) {
        match &self.table {
            Table::Quick(cache) => {
                removed.extend(std::iter::from_fn(|| cache.remove(&address)).map(|(key, entry)| (Some(key), entry)));
            }
            #[cfg(feature = "moka")]
            Table::Moka(cache) => {
                removed.extend(std::iter::from_fn(|| cache.remove(&address)).map(|timed| (None, timed.entry)));
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        match &self.table {
            Table::Quick(cache) => cache.len() as u64,
            #[cfg(feature = "moka")]
            Table::Moka(cache) => cache.entry_count(),
        }
    }
}

impl<K, R> fmt::Debug for Engine<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.table {
            Table::Quick(_) => "Quick",
            #[cfg(feature = "moka")]
            Table::Moka(_) => "Moka",
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
