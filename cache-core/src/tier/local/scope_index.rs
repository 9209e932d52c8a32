//! Finds local entries by their own scopes.
//!
//! An invalidation names a scope, and the table of an engine is hashed by typed keys, which the name of a scope does not
//! have. This index has the [`Address`] of the entry for each scope, in 8 bytes. Each process seeds the hash at random, so
//! that keys chosen by outsiders cannot be made to collide.
//!
//! Only fills and invalidations touch it, each with a lock on one of its shards. The lock also orders the two: a fill
//! checks that its scope was not invalidated, and inserts, while no invalidation of the scope can remove.
//!
//! An entry that is evicted leaves its address behind, since an engine may evict at any time. A full shard first drops
//! the addresses of evicted entries, and grows only if few were.

use std::fmt;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::placed::{Address, Place, Spread};
use crate::protocol::ScopeHash;
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The number of shards. Fills of two scopes seldom wait for each other.
const SHARDS: usize = if cfg!(all(test, shuttle)) { 1 } else { 32 };

/// A shard with more live entries than its capacity without this fraction grows: it would be searched for dead ones at
/// almost every fill.
const RESERVE: usize = 16;

type Shard = HashTable<Address>;

/// The addresses of local entries by their own scopes.
pub(super) struct ScopeIndex {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>; SHARDS]>,
}

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
        Self { hasher: RandomState::default(), shards: Box::new(std::array::from_fn(|_| Mutex::default())) }
    }

    /// Locks the shard of a scope.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half, and a remainder below the number of shards")]
    pub(super) fn lock(&self, scope: ScopeHash) -> Locked<'_> {
        let hash = self.hasher.hash_one(scope);
        let shard = &self.shards[((hash >> u32::BITS) % SHARDS as u64) as usize];
        Locked { shard: shard.lock().unwrap_or_else(PoisonError::into_inner), scope: hash as u32 }
    }

    /// The number of addresses, also of entries that were evicted.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

impl Locked<'_> {
    /// Adds the address of the scope's entry at this place, and returns it.
    ///
    /// `is_alive` says whether there is an entry at an address.
    pub(super) fn add(&mut self, place: Place, is_alive: impl Fn(Address) -> bool) -> Address {
        let (address, hash) = (Address { place, scope: self.scope }, Spread::over(self.scope));
        if self.shard.find(hash, |known| *known == address).is_some() {
            return address;
        }
        let capacity = self.shard.capacity();
        if self.shard.len() == capacity {
            self.shard.retain(|address| is_alive(*address));
            let live = self.shard.len();
            if live > capacity - capacity / RESERVE {
                self.shard.reserve(capacity + 1 - live, |address| Spread::over(address.scope));
            }
        }
        self.shard.insert_unique(hash, address, |address| Spread::over(address.scope));
        address
    }

    /// Removes and returns the address of an entry of the scope.
    pub(super) fn take(&mut self) -> Option<Address> {
        let found = self.shard.find_entry(Spread::over(self.scope), |address| address.scope == self.scope);
        Some(found.ok()?.remove().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(n: u64) -> ScopeHash {
        ScopeHash::of_name(&n.to_le_bytes())
    }

    fn place(hasher: &RandomState, n: u64) -> Place {
        Place::of(hasher, &n)
    }

    fn take(index: &ScopeIndex, scope: ScopeHash) -> Vec<Place> {
        let mut locked = index.lock(scope);
        std::iter::from_fn(|| locked.take()).map(|address| address.place).collect()
    }

    #[test]
    fn the_entries_of_a_scope_are_found_once() {
        let (index, hasher) = (ScopeIndex::new(), RandomState::default());
        for n in 0..10_000 {
            // A fill that replaces its entry does not add another address.
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

    /// With a `Hash` that covers a part of the key, all places are one.
    #[test]
    fn addresses_of_evicted_entries_do_not_accumulate() {
        const LIVE: u64 = 300;
        for is_constant in [false, true] {
            let (index, hasher) = (ScopeIndex::new(), RandomState::default());
            let place = |n: u64| place(&hasher, if is_constant { 0 } else { n });
            let mut addresses = std::collections::VecDeque::new();
            for n in 0..30 * LIVE {
                let address = index.lock(scope(n)).add(place(n), |address| addresses.contains(&address));
                addresses.push_back(address);
                if addresses.len() as u64 > LIVE {
                    addresses.pop_front();
                }
            }
            let slots = index.len() as u64;
            assert!((LIVE..8 * LIVE).contains(&slots), "{slots} addresses of {LIVE} entries");
            for n in 29 * LIVE..30 * LIVE {
                assert_eq!(take(&index, scope(n)), [place(n)], "a live entry keeps its address");
            }
        }
    }
}
