//! Finds local entries by their own scopes.
//!
//! An invalidation names a scope, and the table of an engine is hashed by typed keys, which the name of a scope does not
//! have. This index has the place of the entry for each scope, in 8 bytes: 32 bits of the scope's hash and the place.
//! Whether the key at a place has the scope, its parts decide.
//!
//! Only fills and invalidations touch it, each with a lock on one of its shards. The lock also orders the two: a fill
//! checks that its scope was not invalidated, and inserts, while no invalidation of the scope can remove.
//!
//! An entry that is evicted leaves its slot behind, since a slot is cheap and an engine may evict at any time. A full
//! shard first drops the slots of evicted entries, and grows only if few were.

use std::fmt;

use hashbrown::HashTable;

use super::placed::{Place, Spread};
use crate::protocol::ScopeHash;
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The number of shards. Fills of two scopes seldom wait for each other.
const SHARDS: usize = if cfg!(all(test, shuttle)) { 1 } else { 32 };

/// A shard with more live slots than its capacity without this fraction grows: it would be searched for dead ones at
/// almost every fill.
const RESERVE: usize = 16;

type Shard = HashTable<Slot>;

#[derive(Debug, Clone, Copy)]
struct Slot {
    scope: u32,
    place: Place,
}

/// The places of local entries by their own scopes.
pub(super) struct ScopeIndex(Box<[Mutex<Shard>; SHARDS]>);

/// The shard of one scope, locked.
pub(super) struct Locked<'a> {
    shard: MutexGuard<'a, Shard>,
    scope: u32,
}

impl fmt::Debug for ScopeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeIndex").finish_non_exhaustive()
    }
}

impl ScopeIndex {
    pub(super) fn new() -> Self {
        Self(Box::new(std::array::from_fn(|_| Mutex::default())))
    }

    /// Locks the shard of a scope.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half, and a remainder below the number of shards")]
    pub(super) fn lock(&self, scope: ScopeHash) -> Locked<'_> {
        let (upper, scope) = (scope.0 >> u32::BITS, scope.0 as u32);
        let shard = &self.0[(upper % SHARDS as u64) as usize];
        Locked { shard: shard.lock().unwrap_or_else(PoisonError::into_inner), scope }
    }

    /// The number of slots, also of those whose entries were evicted.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

impl Locked<'_> {
    /// Adds the place of the scope's entry. `is_alive` says whether there is an entry at a place.
    pub(super) fn add(&mut self, place: Place, is_alive: impl Fn(Place) -> bool) {
        let (slot, hash) = (Slot { scope: self.scope, place }, Spread::over(self.scope));
        if self.shard.find(hash, |known| known.scope == slot.scope && known.place == place).is_some() {
            return;
        }
        let capacity = self.shard.capacity();
        if self.shard.len() == capacity {
            self.shard.retain(|slot| is_alive(slot.place));
            let live = self.shard.len();
            if live > capacity - capacity / RESERVE {
                self.shard.reserve(capacity + 1 - live, |slot| Spread::over(slot.scope));
            }
        }
        self.shard.insert_unique(hash, slot, |slot| Spread::over(slot.scope));
    }

    /// Passes each place of the scope to `remove`, and drops the slots whose place has no entry after that.
    pub(super) fn each(&mut self, mut remove: impl FnMut(Place), is_alive: impl Fn(Place) -> bool) {
        let hash = Spread::over(self.scope);
        let slots = self.shard.iter_hash(hash).filter(|slot| slot.scope == self.scope);
        let places: Vec<Place> = slots.map(|slot| slot.place).collect();
        for place in places {
            remove(place);
            // Keys that are equal and differ in their text have one place.
            if is_alive(place) {
                continue;
            }
            let is_slot = |slot: &Slot| slot.scope == self.scope && slot.place == place;
            if let Ok(slot) = self.shard.find_entry(hash, is_slot) {
                slot.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use foldhash::fast::RandomState;

    use super::*;

    fn scope(n: u64) -> ScopeHash {
        ScopeHash::of_name(&n.to_le_bytes())
    }

    fn place(hasher: &RandomState, n: u64) -> Place {
        Place::of(hasher, &n)
    }

    fn take(index: &ScopeIndex, scope: ScopeHash) -> Vec<Place> {
        let mut places = Vec::new();
        index.lock(scope).each(|place| places.push(place), |_| false);
        places
    }

    #[test]
    fn the_entries_of_a_scope_are_found_once() {
        let (index, hasher) = (ScopeIndex::new(), RandomState::default());
        for n in 0..10_000 {
            // A fill that replaces its entry does not add another slot.
            for _ in 0..2 {
                index.lock(scope(n)).add(place(&hasher, n), |_| true);
            }
        }
        assert_eq!(index.len(), 10_000);
        for n in 0..10_000 {
            assert_eq!(take(&index, scope(n)), [place(&hasher, n)], "{n}");
            assert_eq!(take(&index, scope(n)), [], "{n}");
        }
    }

    #[test]
    fn two_entries_of_one_scope_are_both_found() {
        let (index, hasher) = (ScopeIndex::new(), RandomState::default());
        for n in 0..2 {
            index.lock(scope(0)).add(place(&hasher, n), |_| true);
        }
        assert_eq!(take(&index, scope(0)).len(), 2);
    }

    #[test]
    fn a_place_with_another_entry_keeps_its_slot() {
        let (index, hasher) = (ScopeIndex::new(), RandomState::default());
        index.lock(scope(0)).add(place(&hasher, 0), |_| true);
        index.lock(scope(0)).each(|_| (), |_| true);
        assert_eq!(take(&index, scope(0)), [place(&hasher, 0)]);
    }

    #[test]
    fn slots_of_evicted_entries_do_not_accumulate() {
        const LIVE: u64 = 300;
        let (index, hasher) = (ScopeIndex::new(), RandomState::default());
        for n in 0..30 * LIVE {
            let live: Vec<Place> = (n.saturating_sub(LIVE)..n).map(|n| place(&hasher, n)).collect();
            index.lock(scope(n)).add(place(&hasher, n), |place| live.contains(&place));
        }
        let slots = index.len() as u64;
        assert!((LIVE..8 * LIVE).contains(&slots), "{slots} slots of {LIVE} entries");
        for n in 29 * LIVE..30 * LIVE {
            assert_eq!(take(&index, scope(n)), [place(&hasher, n)], "a live entry keeps its slot");
        }
    }
}
