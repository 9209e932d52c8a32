//! The keys that held a value larger than the cache accepts.
//!
//! `MGET` returns whatever a key holds. Such a value is received once; from then on its key is read with a limit, until
//! the value is acceptable again.

use std::collections::VecDeque;

use crate::protocol::ScopeHash;
use crate::runtime::sync::atomic::{AtomicUsize, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The most keys to remember. The value of a key that is forgotten is received once more.
const MAX_KEYS: usize = 64;

/// A bounded set of keys, by the hashes of their names. Another key of the same hash is read with a limit as well.
#[derive(Debug, Default)]
pub(super) struct Oversized {
    /// The number of keys: a look-up takes no lock while there are none.
    count: AtomicUsize,
    keys: Mutex<VecDeque<ScopeHash>>,
}

impl Oversized {
    pub(super) fn contains(&self, key: ScopeHash) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && self.lock().contains(&key)
    }

    /// Adds a key. The oldest one makes room for it.
    pub(super) fn insert(&self, key: ScopeHash) {
        let mut keys = self.lock();
        if !keys.contains(&key) {
            keys.push_back(key);
        }
        if keys.len() > MAX_KEYS {
            keys.pop_front();
        }
        self.count.store(keys.len(), Ordering::Relaxed);
    }

    pub(super) fn remove(&self, key: ScopeHash) {
        let mut keys = self.lock();
        keys.retain(|known| *known != key);
        self.count.store(keys.len(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<ScopeHash>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_remembered_until_they_are_removed() {
        let oversized = Oversized::default();
        assert!(!oversized.contains(ScopeHash(1)));
        oversized.insert(ScopeHash(1));
        oversized.insert(ScopeHash(1));
        assert!(oversized.contains(ScopeHash(1)) && !oversized.contains(ScopeHash(2)));
        oversized.remove(ScopeHash(1));
        assert!(!oversized.contains(ScopeHash(1)));
    }

    #[test]
    fn the_set_is_bounded() {
        let oversized = Oversized::default();
        let last = 10 * MAX_KEYS as u64;
        (0..=last).for_each(|key| oversized.insert(ScopeHash(key)));
        assert_eq!(oversized.lock().len(), MAX_KEYS);
        assert!(oversized.contains(ScopeHash(last)) && !oversized.contains(ScopeHash(0)));
    }
}
