//! `cached`: functions with a cache of their own, which all callers in the process share.

use std::sync::Arc;

use cached::macros::{cached, concurrent_cached};
use cached::{AsyncRedisCache, Cached as _, ConcurrentCached as _, ConcurrentCachedAsync as _};
use stores::policy::TenantPolicy;
use stores::{StoreError, TenantId};

use super::{Peer, Source};
use cache_benches::contenders::TTL;

type Answer = Result<Option<Arc<TenantPolicy>>, StoreError>;

#[concurrent_cached(name = "SHARDED", max_size = 20_000, ttl_secs = 86_400, key = "TenantId", convert = { tenant })]
async fn sharded(source: &Source, tenant: TenantId) -> Answer {
    source.get_policy(tenant).await
}

#[cached(name = "PLAIN", max_size = 20_000, ttl_secs = 86_400, key = "TenantId", convert = { tenant })]
async fn plain(source: &Source, tenant: TenantId) -> Answer {
    source.get_policy(tenant).await
}

#[cached(
    name = "KEYED",
    max_size = 20_000,
    ttl_secs = 86_400,
    sync_writes = "by_key",
    key = "TenantId",
    convert = { tenant }
)]
async fn keyed(source: &Source, tenant: TenantId) -> Answer {
    source.get_policy(tenant).await
}

/// `#[concurrent_cached]`: a sharded LRU with a time to live.
pub(crate) struct Sharded(pub(crate) Source);

impl Peer for Sharded {
    type Value = Arc<TenantPolicy>;

    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        sharded(&self.0, tenant).await.expect("the store does not fail")
    }

    async fn forget(&self, tenant: TenantId) {
        if let Some(cache) = SHARDED.get() {
            cache.cache_remove(&tenant).expect("a cache in memory does not fail");
        }
    }
}

/// `#[cached]`: an LRU with a time to live behind one lock.
pub(crate) struct Plain(pub(crate) Source);

impl Peer for Plain {
    type Value = Arc<TenantPolicy>;

    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        plain(&self.0, tenant).await.expect("the store does not fail")
    }

    async fn forget(&self, tenant: TenantId) {
        drop(PLAIN.write().await.cache_remove(&tenant));
    }
}

/// `#[cached(sync_writes = "by_key")]`: the same, with one load for the concurrent first calls of a key.
pub(crate) struct Keyed(pub(crate) Source);

impl Peer for Keyed {
    type Value = Arc<TenantPolicy>;

    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        keyed(&self.0, tenant).await.expect("the store does not fail")
    }

    async fn forget(&self, tenant: TenantId) {
        drop(KEYED.write().await.cache_remove(&tenant));
    }
}

/// The store in Redis, used as the code of `#[concurrent_cached(redis = true)]` uses it: that macro reads the address
/// from the environment, once for the whole process.
pub(crate) struct SharedCached {
    source: Source,
    cache: AsyncRedisCache<String, Option<TenantPolicy>>,
}

impl SharedCached {
    pub(crate) async fn shared(source: Source, url: &str) -> Self {
        let cache = AsyncRedisCache::builder("policy").ttl(TTL).connection_string(url).build().await;
        Self { source, cache: cache.expect("a server that has just answered") }
    }
}

impl Peer for SharedCached {
    type Value = TenantPolicy;

    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        let key = tenant.to_string();
        if let Some(policy) = self.cache.async_cache_get(&key).await.expect("a server that answers") {
            return policy;
        }
        let policy = self.source.get_policy(tenant).await.expect("the store does not fail");
        let policy = policy.map(|policy| (*policy).clone());
        self.cache.async_cache_set(key, policy.clone()).await.expect("a server that answers");
        policy
    }

    async fn forget(&self, tenant: TenantId) {
        self.cache.async_cache_remove(&tenant.to_string()).await.expect("a server that answers");
    }
}
