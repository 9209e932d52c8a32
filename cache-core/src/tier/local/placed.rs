//! Keys with their places in the table of an engine.
//!
//! A place is 32 bits of the hash of the typed key. It is kept with the key, so that an entry can be found without the
//! key: the [scope index](super::scope_index) remembers places and no keys. Keys are told apart by their parts, not by
//! `Eq`, so that both tiers agree on which keys are equal.

#[cfg(feature = "json")]
use std::cell::OnceCell;
use std::hash::{BuildHasher, Hash, Hasher};

use equivalent::Equivalent;

use super::idle::{Idle, LastUse, Tick};
use super::weight::Weight;
use crate::key::{CacheKey, Lookup};

/// The place of a key in the table of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    /// The low bits of the hash, which are as good as any others.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
    pub(super) fn of(hasher: &impl BuildHasher, key: &impl Hash) -> Self {
        Self(hasher.hash_one(key) as u32)
    }
}

impl Hash for Place {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.0);
    }
}

/// A key in the table of an engine.
///
/// It also has what the tier knows about the entry and a hit does not read: beside the value it would make every hit
/// dearer, and a table gives a query its keys and not its values.
#[derive(Debug)]
pub(super) struct Placed<K> {
    pub(super) address: Address,
    pub(super) weight: Weight,
    pub(super) used: LastUse,
    pub(super) key: K,
}

/// The place of an entry, and a part of the hash of its own scope, by which an invalidation finds it.
///
/// Two entries with one address are removed together, which costs a miss. To compare addresses runs no code of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) place: Place,
    pub(super) scope: u32,
}

impl<K: CacheKey> PartialEq for Placed<K> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.address.place == other.address.place && self.key.same_key(&other.key)
    }
}

impl<K: CacheKey> Eq for Placed<K> {}

impl<K> Hash for Placed<K> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address.place.hash(state);
    }
}

impl Hash for Address {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place.hash(state);
    }
}

impl<K> Equivalent<Placed<K>> for Address {
    #[inline]
    fn equivalent(&self, key: &Placed<K>) -> bool {
        *self == key.address
    }
}

/// Finds a key by a borrowed view of it.
pub(super) struct ByView<'a, L> {
    pub(super) place: Place,
    pub(super) view: &'a L,
}

impl<L> Hash for ByView<'_, L> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place.hash(state);
    }
}

impl<K, L: Lookup<K>> Equivalent<Placed<K>> for ByView<'_, L> {
    #[inline]
    fn equivalent(&self, key: &Placed<K>) -> bool {
        // The table has compared a part of the place already, and a view has the place of its key.
        self.view.matches(&key.key)
    }
}

/// The same for a tier with a time to idle: an idle entry is not found, and any other one is used.
///
/// A table may compare a key more than once, which changes nothing.
pub(super) struct Using<'a, L> {
    pub(super) by_view: ByView<'a, L>,
    pub(super) idle: &'a Idle,
    pub(super) tick: Tick,
}

impl<L> Hash for Using<'_, L> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.by_view.hash(state);
    }
}

impl<K, L: Lookup<K>> Equivalent<Placed<K>> for Using<'_, L> {
    #[inline]
    fn equivalent(&self, key: &Placed<K>) -> bool {
        self.by_view.equivalent(key) && self.idle.uses(&key.used, self.tick)
    }
}

/// Finds a key by its address, and copies it: a table gives a query its keys, and returns values only.
#[cfg(feature = "json")]
pub(super) struct Copying<K> {
    address: Address,
    copy: OnceCell<K>,
}

#[cfg(feature = "json")]
impl<K> Copying<K> {
    pub(super) fn new(address: Address) -> Self {
        Self { address, copy: OnceCell::new() }
    }

    /// The copy, if the key was found.
    pub(super) fn copy(self) -> Option<K> {
        self.copy.into_inner()
    }
}

#[cfg(feature = "json")]
impl<K> Hash for Copying<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address.hash(state);
    }
}

#[cfg(feature = "json")]
impl<K: Clone> Equivalent<Placed<K>> for Copying<K> {
    fn equivalent(&self, key: &Placed<K>) -> bool {
        let is_found = self.address == key.address;
        if is_found {
            self.copy.get_or_init(|| key.key.clone());
        }
        is_found
    }
}

/// Spreads the 32 bits of a place over 64.
///
/// Tables use the upper bits of a hash as well as the lower ones. Those of a place are already random, so that a
/// multiplication is enough (D. Knuth, The Art of Computer Programming, volume 3, 6.4).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread(u64);

/// 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl Spread {
    #[inline]
    pub(super) fn over(bits: u32) -> u64 {
        u64::from(bits).wrapping_mul(FACTOR)
    }
}

impl BuildHasher for Spread {
    type Hasher = Self;

    #[inline]
    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Spread {
    #[inline]
    fn write_u32(&mut self, place: u32) {
        self.0 = Self::over(place);
    }

    /// Never called: a table hashes places only.
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FACTOR));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use foldhash::fast::RandomState;

    use super::*;

    fn placed_at<K>(address: Address, key: K) -> Placed<K> {
        Placed { address, weight: Weight::ONE, used: LastUse::default(), key }
    }

    fn place(hasher: &RandomState, key: &impl Hash) -> Place {
        Place::of(hasher, key)
    }

    #[test]
    fn keys_are_told_apart_by_their_parts_and_found_in_every_form() {
        let hasher = RandomState::default();
        let (key, view) = (String::from("a"), "a");
        let address = Address { place: place(&hasher, &key), scope: 1 };
        let placed = placed_at(address, key.clone());
        let by_view = ByView { place: place(&hasher, &view), view: &view };
        let by_key = ByView { place: address.place, view: &&key };
        assert!(by_key.equivalent(&placed) && by_view.equivalent(&placed));
        let other = placed_at(address, String::from("b"));
        assert!(placed != other && placed == placed_at(address, key) && !by_view.equivalent(&other));
        let spread = Spread::default();
        for hash in [spread.hash_one(by_view), spread.hash_one(address), spread.hash_one(&placed)] {
            assert_eq!(hash, Spread::over(address.place.0));
        }
    }

    #[test]
    fn an_address_finds_the_entries_of_its_scope_only() {
        let address = Address { place: Place(1), scope: 1 };
        let placed = placed_at(address, 0_u64);
        assert!(address.equivalent(&placed));
        assert!(!Address { place: Place(2), ..address }.equivalent(&placed));
        assert!(!Address { scope: 2, ..address }.equivalent(&placed));
    }

    #[test]
    fn a_hash_uses_all_its_bits() {
        let hashes: Vec<u64> = (0..1 << 12).map(|n| Spread::default().hash_one(Place(n << 20 | n))).collect();
        for bit in 0..64 {
            let ones = hashes.iter().filter(|hash| *hash >> bit & 1 == 1).count();
            assert!((hashes.len() / 4..hashes.len() * 3 / 4).contains(&ones), "bit {bit} is set in {ones}");
        }
    }
}
