//! Entries of others under the keys of this cache.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::envelope::Unfit;

/// Warns once of each kind.
#[derive(Debug, Default)]
pub(crate) struct Mixups {
    source: AtomicBool,
    method: AtomicBool,
}

impl Mixups {
    /// An entry was not usable for this reason. `key` is the beginning of its key.
    pub(crate) fn found(&self, reason: Unfit, key: &str) {
        match reason {
            Unfit::Source if !self.source.swap(true, Ordering::Relaxed) => tracing::warn!(
                key,
                "an entry in the shared tier is of another database: two databases behind one Redis have the same keys. It \
                 is a miss. Give each environment a `CACHE_KEY_PREFIX` of its own (`CacheBuilder::key_prefix`), or each \
                 decorator a partition (`builder(..).partition(..)`). After a database was replaced this is normal for a while"
            ),
            Unfit::Method if !self.method.swap(true, Ordering::Relaxed) => tracing::warn!(
                key,
                "an entry in the shared tier is of another trait or method: two services behind one Redis have the same keys. \
                 It is a miss. Give each service a `CACHE_KEY_PREFIX` of its own (`CacheBuilder::key_prefix`), or one of the \
                 traits another namespace or a partition (`builder(..).partition(..)`). While a renamed trait or method is \
                 rolled out this is normal"
            ),
            _ => {}
        }
    }
}
