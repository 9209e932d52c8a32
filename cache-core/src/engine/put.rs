//! Reads and writes of values that have no store.

use std::sync::Arc;
use std::time::Duration;

use super::fill::LateFill;
use super::lookup::{Keep, Step, Ticket, Unlocked, unlocked};
use super::names::Names;
use super::news;
use super::region::Region;
use crate::coherence::Gen;
use crate::config::limits::LONGEST_LIFE;
use crate::flight::FoundFence;
use crate::key::KeyPart;
use crate::observability::{Backend, Counters};
use crate::runtime::chance;
use crate::value::Cacheable;

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the value in the shared tier.
    pub(crate) async fn look_for(&self, key: &K) -> Option<R> {
        self.0.cache.revive();
        match self.look_up(key, &self.names(key), None).await {
            Step::Hit(found) => Some(found.value),
            Step::Load(_) => {
                Counters::add(&self.0.counters.misses);
                None
            }
        }
    }

    /// Replaces the value, unless another writer was faster.
    ///
    /// It invalidates the entry, and fills it under the generation that this invalidation created.
    pub(crate) async fn put(&self, key: K, value: R, ttl: Duration) {
        let ttl = ttl.min(LONGEST_LIFE);
        let names = self.names(&key);
        let token = chance::token_text();
        let told = news::invalidate_as(&self.0.cache, names.scopes[..1].to_vec(), token.clone()).await;
        let started = self.0.link.clock.now();
        if self.0.cache.backend() == Backend::SingleInstance {
            let stamp = self.0.link.gate.stamp(names.hashes());
            self.keep_local(key, value, stamp, started.after(ttl));
        } else if told && let Some(keep) = self.own_fence(&names, &token).await {
            LateFill::new(self, names, Ticket { started, keep }, Some(ttl), &value).store(self).await;
        }
    }

    /// Returns the fence of a value that was put with this token, unless another writer followed.
    async fn own_fence(&self, names: &Names, token: &str) -> Option<Keep> {
        let link = &self.0.link;
        let stamp = link.gate.stamp(names.hashes());
        let (live, epoch) = link.readable(self.0.namespace)?;
        let states = self.in_time(&live, live.session.init_gens(&names.gens().collect::<Vec<_>>())).await.ok()?;
        let Unlocked { gens, until } = unlocked(states, &live, link.clock.now())?;
        let fence = Arc::new(FoundFence { epoch, gens });
        self.is_own(&fence.gens[0], token).then_some(Keep::Both { stamp, live, fence, until })
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "the version for negative controls needs it")]
    fn is_own(&self, found: &Gen, token: &str) -> bool {
        found.is_of(token)
    }

    #[cfg(feature = "testing")]
    fn is_own(&self, found: &Gen, token: &str) -> bool {
        found.is_of(token) || self.0.link.lacks(crate::testing::Weakness::BlindPut)
    }
}
