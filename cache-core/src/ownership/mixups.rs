//! Detects entries of other owners under the keys of this cache.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::envelope::Unfit;

/// Warns once about each kind of foreign entry.
#[derive(Debug, Default)]
pub(crate) struct Mixups {
    source: AtomicBool,
    method: AtomicBool,
}

impl Mixups {
    /// Warns if `reason` shows a foreign entry. `key` is the beginning of its key.
    pub(crate) fn found(&self, reason: Unfit, key: &str) {
        match reason {
            Unfit::Source if !self.source.swap(true, Ordering::Relaxed) => tracing::warn!(
                key,
                "an entry in the shared tier belongs to another database: two databases behind one Redis have the same keys. \
                 The entry counts as a miss. Give each environment its own `CACHE_KEY_PREFIX` (`CacheBuilder::key_prefix`), or \
                 each decorator a partition (`builder(..).partition(..)`). This is normal for a while after a database was \
                 replaced"
            ),
            Unfit::Method if !self.method.swap(true, Ordering::Relaxed) => tracing::warn!(
                key,
                "an entry in the shared tier belongs to another trait or method: two services behind one Redis have the same \
                 keys. The entry counts as a miss. Give each service its own `CACHE_KEY_PREFIX` (`CacheBuilder::key_prefix`), \
                 or one of the traits another namespace or a partition (`builder(..).partition(..)`). This is normal while a \
                 renamed trait or method is rolled out"
            ),
            _ => {}
        }
    }
}
