//! Detects entries of other owners under the keys of this cache.
//!
//! Such an entry is a miss whatever this module does. It only explains the misses: one warning for each kind in a
//! process, with the remedy, since the entries of a foreign owner return with every read.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::key::Head;
use crate::protocol::envelope::Unusable;
use crate::runtime::sync::{Mutex, PoisonError};

/// Warns once about each kind of foreign entry.
#[derive(Debug, Default)]
pub(crate) struct Mixups {
    source: AtomicBool,
    method: AtomicBool,
    /// The key heads that several decorators of a generic trait share in this cache.
    explained: Mutex<HashSet<String>>,
}

impl Mixups {
    /// Disables the warning about another method for these keys: building the decorators has caused one.
    pub(super) fn explained(&self, heads: impl Iterator<Item = Head>) {
        let mut explained = self.explained.lock().unwrap_or_else(PoisonError::into_inner);
        explained.extend(heads.map(|head| head.text().to_owned()));
    }

    fn is_explained(&self, key: &str) -> bool {
        self.explained.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// Warns about an entry that is unusable for this reason; `key` is the head of its key.
    pub(crate) fn found(&self, reason: Unusable, key: &str) {
        match reason {
            Unusable::Source if !self.source.swap(true, Ordering::Relaxed) => tracing::warn!(
                key,
                "an entry in the shared tier belongs to another database, and is a miss: two databases use the same keys in one \
                 Redis. Give each environment its own `CACHE_KEY_PREFIX` (`CacheBuilder::key_prefix`), or each decorator a \
                 partition (`builder(..).partition(..)`, `Namespace::new(..).partition(..)`). If there is only one database, one \
                 of the processes cannot read its identity: grant SELECT on the table `stores_identity` to every role that \
                 connects. This is normal for a while after a database was replaced"
            ),
            Unusable::Method if !self.is_explained(key) && !self.method.swap(true, Ordering::Relaxed) => {
                tracing::warn!(
                    key,
                    "an entry in the shared tier belongs to another trait or method, or to a trait with other type arguments, and is a \
                 miss: both use the same keys. Give one of two traits another namespace, and each decorator of a generic trait \
                 a partition (`builder(..).partition(..)`, `Namespace::new(..).partition(..)`). Two services on one Redis need \
                 a `CACHE_KEY_PREFIX` each (`CacheBuilder::key_prefix`). This is normal during the roll-out of a renamed trait \
                 or method"
                );
            }
            _ => {}
        }
    }
}
