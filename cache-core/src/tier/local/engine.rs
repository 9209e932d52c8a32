//! The storage engines of the local tier.
//!
//! Each finds an entry by a borrowed key, without an allocation, or by the place of its key.

use std::fmt;
use std::time::Duration;

use foldhash::fast::RandomState;
use quick_cache::sync::{Cache as QuickCache, DefaultLifecycle};
use quick_cache::{Lifecycle, OptionsBuilder};

use super::LocalEntry;
use super::idle::{Idle, Tick};
#[cfg(feature = "json")]
use super::placed::Copying;
use super::placed::{Address, ByView, Place, Placed, Spread, Using};
use super::weight::ByWeight;
use crate::key::{KeyPart, Lookup};
use crate::policy::{LocalCapacity, LocalEngine};
use crate::runtime::sync::{Mutex, PoisonError};

const LARGEST_CAPACITY: usize = u32::MAX as usize;
/// The largest estimate: `quick_cache` allocates it at once, and grows beyond it.
const LARGEST_ESTIMATE: usize = 1 << 17;
/// The expected weight of an entry, for the estimate of their number.
const EXPECTED_WEIGHT: u64 = 1024;
/// The number of parts of a table that is bounded by bytes.
///
/// `quick_cache` divides the capacity between its parts, and refuses an entry that is heavier than one of them. With 8
/// parts a tenth of the capacity fits into each of them, however many processors there are.
const WEIGHED_PARTS: usize = 8;
/// The longest time that moka accepts.
#[cfg(feature = "moka")]
const LONGEST_IDLE: Duration = Duration::from_hours(24 * 365 * 100);

type Quick<K, R> = QuickCache<Placed<K>, LocalEntry<R>, ByWeight, Spread, DefaultLifecycle<Placed<K>, LocalEntry<R>>>;
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
    #[cfg_attr(not(feature = "moka"), expect(unused_variables, reason = "only moka removes idle entries by itself"))]
    pub(super) fn new(engine: LocalEngine, capacity: LocalCapacity, tti: Option<Duration>) -> Self {
        let table = match engine {
            LocalEngine::Quick => Table::Quick(quick(capacity)),
            #[cfg(feature = "moka")]
            LocalEngine::Moka => Table::Moka(moka(capacity, tti)),
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

    /// Like [`get`](Self::get), but an idle entry is not found, and any other one is used at this step.
    pub(super) fn get_in_use<L: Lookup<K>>(&self, view: &L, idle: &Idle, tick: Tick) -> Option<LocalEntry<R>> {
        let query = Using { by_view: ByView { place: Place::of(&self.hasher, view), view }, idle, tick };
        match &self.table {
            Table::Quick(cache) => cache.get(&query),
            #[cfg(feature = "moka")]
            Table::Moka(cache) => Some(cache.get(&query)?.entry),
        }
    }

    /// Returns the addresses of the entries that have this property. moka, which removes idle entries by itself,
    /// has none.
    pub(super) fn addresses(&self, of: impl Fn(&Placed<K>, &LocalEntry<R>) -> bool) -> Vec<Address> {
        let found = Mutex::new(Vec::new());
        match &self.table {
            // It removes nothing: destructors must not run under the lock of the table.
            Table::Quick(cache) => cache.retain(|key, entry| {
                if of(key, entry) {
                    found.lock().unwrap_or_else(PoisonError::into_inner).push(key.address);
                }
                true
            }),
            #[cfg(feature = "moka")]
            Table::Moka(_) => {}
        }
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `visit` with the key of each entry that has this property. It does not count as a use.
    ///
    /// The table is locked part by part while `of` looks at the entries, and again for each key while it is cloned.
    #[cfg(feature = "json")]
    pub(super) fn visit_keys(&self, of: impl Fn(&Placed<K>, &LocalEntry<R>) -> bool, mut visit: impl FnMut(K)) {
        match &self.table {
            Table::Quick(cache) => {
                for address in self.addresses(of) {
                    let copying = Copying::new(address);
                    cache.contains_key(&copying);
                    copying.copy().into_iter().for_each(&mut visit);
                }
            }
            #[cfg(feature = "moka")]
            Table::Moka(cache) => {
                cache.iter().filter(|(key, timed)| of(key, &timed.entry)).for_each(|(key, _)| visit(key.key.clone()));
            }
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
    #[cfg_attr(not(feature = "moka"), expect(unused_variables, reason = "only moka needs the life of an entry"))]
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

    /// The sum of the weights.
    pub(super) fn weight(&self) -> u64 {
        match &self.table {
            Table::Quick(cache) => cache.weight(),
            #[cfg(feature = "moka")]
            Table::Moka(cache) => cache.weighted_size(),
        }
    }
}

fn quick<K: KeyPart, R: Clone>(capacity: LocalCapacity) -> Quick<K, R> {
    let mut options = OptionsBuilder::new();
    match capacity {
        LocalCapacity::Entries(entries) => {
            let entries = entries.min(LARGEST_CAPACITY);
            options.estimated_items_capacity(entries.min(LARGEST_ESTIMATE)).weight_capacity(entries as u64)
        }
        LocalCapacity::Bytes(bytes) => {
            let estimate = usize::try_from(bytes / EXPECTED_WEIGHT).unwrap_or(usize::MAX).min(LARGEST_ESTIMATE);
            options.estimated_items_capacity(estimate).weight_capacity(bytes).shards(WEIGHED_PARTS)
        }
    };
    let options = options.build().expect("it has a capacity and an estimate");
    QuickCache::with_options(options, ByWeight, Spread::default(), DefaultLifecycle::default())
}

#[cfg(feature = "moka")]
fn moka<K, R>(capacity: LocalCapacity, tti: Option<Duration>) -> Moka<K, R>
where
    K: KeyPart,
    R: Clone + Send + Sync + 'static,
{
    let capacity = match capacity {
        LocalCapacity::Entries(entries) => entries.min(LARGEST_CAPACITY) as u64,
        LocalCapacity::Bytes(bytes) => bytes,
    };
    let builder = moka::sync::Cache::builder()
        .max_capacity(capacity)
        .weigher(|key: &Placed<K>, _| u32::try_from(key.weight.units()).unwrap_or(u32::MAX))
        .expire_after(housekeeping::Deadline);
    let builder = match tti {
        Some(idle) => builder.time_to_idle(idle.min(LONGEST_IDLE)),
        None => builder,
    };
    builder.build_with_hasher(Spread::default())
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
