//! cachekit-rs: encoded values in `quick_cache` and in Redis, decoded for each read.

use cachekit::CacheKitBuilder;
use stores::TenantId;
use stores::policy::TenantPolicy;

use super::{Peer, Source};
use cache_benches::contenders::{CAPACITY, TTL};

pub(crate) struct CacheKit {
    source: Source,
    cache: cachekit::CacheKit,
}

impl CacheKit {
    /// Redis alone.
    pub(crate) async fn shared(source: Source, url: &str) -> Self {
        Self::new(source, production(url).await.no_l1())
    }

    /// Both tiers, which is its default.
    pub(crate) async fn both(source: Source, url: &str) -> Self {
        Self::new(source, production(url).await.l1_capacity(CAPACITY))
    }

    fn new(source: Source, builder: CacheKitBuilder) -> Self {
        Self { source, cache: builder.default_ttl(TTL).build().expect("settings in range") }
    }

    async fn find(&self, key: &str) -> Option<Option<TenantPolicy>> {
        self.cache.get(key).await.expect("a server that answers")
    }
}

async fn production(url: &str) -> CacheKitBuilder {
    cachekit::CacheKit::production(url).await.expect("a server that has just answered").namespace("cachekit")
}

impl Peer for CacheKit {
    type Value = TenantPolicy;

    /// The steps that its documentation gives for a fill by hand.
    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        let key = key(tenant);
        if let Some(policy) = self.find(&key).await {
            return policy;
        }
        let mut flight = self.cache.single_flight(&key).await;
        while flight.wait_for_fill().await {
            if let Some(policy) = self.find(&key).await {
                flight.release().await;
                return policy;
            }
        }
        let policy = self.source.get_policy(tenant).await.expect("the store does not fail");
        let policy = policy.map(|policy| (*policy).clone());
        self.cache.set(&key, &policy).await.expect("a server that answers");
        flight.release().await;
        policy
    }

    async fn forget(&self, tenant: TenantId) {
        self.cache.delete(&key(tenant)).await.expect("a server that answers");
    }
}

fn key(tenant: TenantId) -> String {
    format!("policy:{tenant}")
}
