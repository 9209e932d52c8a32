//! Reads and writes of values that have no store.

use std::time::Duration;

use smallvec::smallvec;

use super::announce;
use super::local::Ends;
use super::region::Region;
use super::shared::{Accepted, LookUp, SharedFill};
use crate::config::limits::LONGEST_LIFE;
use crate::key::KeyPart;
use crate::observability::Counters;
use crate::protocol::Backend;
use crate::runtime::{Moment, random};
use crate::value::Cacheable;

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the value in the shared tier.
    pub(crate) async fn look_for(&self, key: &K) -> Option<R> {
        let (method, shared) = (self.method(), &self.inner.shared);
        method.cache.revive();
        let query = shared.query(self.entry_keys(key), Accepted::Entry(None));
        let (_, answer) = shared.look_up(smallvec![query], || ()).await.pop()?;
        match answer {
            LookUp::Hit { found, snapshot, ends, .. } => {
                self.inner.local.keep_copy(key, &found.value, snapshot, ends);
                Some(found.value)
            }
            LookUp::Confirmed(found) => Some(found.value),
            LookUp::Miss { .. } => {
                Counters::add(&method.counters.misses);
                None
            }
        }
    }

    /// Replaces the value, unless another writer was faster.
    ///
    /// It invalidates the entry, and fills it under the generation that this invalidation created.
    pub(crate) async fn put(&self, key: K, value: R, ttl: Duration) {
        let (method, shared, ttl) = (self.method(), &self.inner.shared, ttl.min(LONGEST_LIFE));
        let (keys, token) = (self.entry_keys(&key), random::token_text());
        let delivered = announce::invalidate_as(&method.cache, keys.scopes[..1].to_vec(), token.clone()).await;
        if method.cache.backend() == Backend::SingleInstance {
            let ends = Ends { life: method.process().clock.now().after(ttl), limit: Moment::NEVER };
            self.inner.local.keep(key, value, method.snapshot(&keys), ends);
        } else if delivered
            && let Some(permit) = shared.own_permit(&keys, &token).await
            && let Some(entry) = shared.encode(SharedFill { keys, permit, lifetime: ttl }, &value)
        {
            shared.store(vec![entry]).await;
        }
    }
}
