//! Detects entries of other owners under the keys of this cache.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::envelope::Unfit;
use crate::key::Head;
use crate::runtime::sync::{Mutex, PoisonError};

/// Warns once about each kind of foreign entry.
#[derive(Debug, Default)]
pub(crate) struct Mixups {
    source: AtomicBool,
    method: AtomicBool,
    /// The beginnings of the keys that several decorators of a generic trait have in this cache.
    explained: Mutex<HashSet<String>>,
}

impl Mixups {
    /// Entries of another method under these keys are known of: the decorators were warned of when they were built.
    pub(super) fn explained(&self, heads: impl Iterator<Item = Head>) {
        let mut explained = self.explained.lock().unwrap_or_else(PoisonError::into_inner);
        explained.extend(heads.map(|head| head.text().to_owned()));
    }

    fn is_explained(&self, key: &str) -> bool {
        self.explained.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// An entry was not usable for this reason. `key` is the beginning of its key.
    pub(crate) fn found(&self, reason: Unfit, key: &str) {
        match reason {
            Unfit::Source if !self.source.swap(true, Ordering::Relaxed) => tracing::warn!(
                key,
                "an entry in the shared tier is of another database: two databases behind one Redis have the same keys. It \
                 is a miss. Give each environment a `CACHE_KEY_PREFIX` of its own (`CacheBuilder::key_prefix`), or each \
                 decorator a partition (`builder(..).partition(..)`, `Namespace::new(..).partition(..)`). If there is only one database, \
                 a process does not know its identity: let every role that connects read the table `stores_identity`. After a \
                 database was replaced this is normal for a while"
            ),
            Unfit::Method if !self.is_explained(key) && !self.method.swap(true, Ordering::Relaxed) => tracing::warn!(
                key,
                "an entry in the shared tier is of another trait or method, or of a trait with other type arguments, which has \
                 the same keys. It is a miss. Give one of two traits another namespace, and each decorator of a generic trait a \
                 partition (`builder(..).partition(..)`, `Namespace::new(..).partition(..)`). Two services behind one Redis \
                 should have a `CACHE_KEY_PREFIX` each (`CacheBuilder::key_prefix`). While a renamed trait or method is rolled \
                 out this is normal"
            ),
            _ => {}
        }
    }
}
