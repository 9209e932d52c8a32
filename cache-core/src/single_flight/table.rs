//! The flights of one shard, by their keys.
//!
//! Flights end in destructors, also while a panic unwinds, so only an arrival compares keys, which is user code.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Flight;
use crate::key::KeyPart;

/// The flights by the hash of their key. Two keys with one hash are rare.
#[derive(Debug)]
pub(super) struct Table<K, R>(HashMap<u64, Vec<Keyed<K, R>>, RandomState>);

#[derive(Debug)]
struct Keyed<K, R> {
    key: K,
    pair: Pair<R>,
}

/// The current flight of a key, and the one that waits for its end.
#[derive(Debug)]
pub(super) struct Pair<R> {
    pub(super) current: Arc<Flight<R>>,
    pub(super) next: Option<Arc<Flight<R>>>,
}

impl<R> Pair<R> {
    fn is_next(&self, flight: &Arc<Flight<R>>) -> bool {
        self.next.as_ref().is_some_and(|next| Arc::ptr_eq(next, flight))
    }
}

impl<K, R> Default for Table<K, R> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<K, R> Table<K, R> {
    pub(super) fn find(&mut self, hash: u64, key: &K) -> Option<&mut Pair<R>>
    where
        K: KeyPart,
    {
        let keyed = self.0.get_mut(&hash)?.iter_mut().find(|keyed| keyed.key.same_key(key))?;
        Some(&mut keyed.pair)
    }

    /// Returns the pair that the flight is part of.
    pub(super) fn find_flight(&mut self, flight: &Arc<Flight<R>>) -> Option<&mut Pair<R>> {
        let pairs = self.0.get_mut(&flight.hash)?.iter_mut().map(|keyed| &mut keyed.pair);
        pairs.into_iter().find(|pair| Arc::ptr_eq(&pair.current, flight) || pair.is_next(flight))
    }

    pub(super) fn insert(&mut self, hash: u64, key: K, current: Arc<Flight<R>>) {
        self.0.entry(hash).or_default().push(Keyed { key, pair: Pair { current, next: None } });
    }

    /// Removes a flight, and promotes the next one. Returns the key if it has no flight left.
    pub(super) fn leave(&mut self, flight: &Arc<Flight<R>>) -> Option<K> {
        let pair = self.find_flight(flight)?;
        if pair.is_next(flight) {
            pair.next = None;
            return None;
        }
        if let Some(next) = pair.next.take() {
            pair.current = next;
            return None;
        }
        let Entry::Occupied(mut bucket) = self.0.entry(flight.hash) else { return None };
        let at = bucket.get().iter().position(|keyed| Arc::ptr_eq(&keyed.pair.current, flight))?;
        let keyed = bucket.get_mut().swap_remove(at);
        if bucket.get().is_empty() {
            bucket.remove();
        }
        Some(keyed.key)
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}
