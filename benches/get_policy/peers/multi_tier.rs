//! multi-tier-cache: bytes in moka and in Redis, decoded for each read.

use std::sync::Arc;

use multi_tier_cache::error::CacheError;
use multi_tier_cache::{CacheStrategy, CacheSystem, CacheSystemBuilder, L1Cache, L2Cache, MokaCacheConfig, TierConfig};
use stores::TenantId;
use stores::policy::TenantPolicy;

use super::{Peer, Source};
use cache_benches::contenders::{CAPACITY, TTL};

pub(crate) struct MultiTier {
    source: Source,
    system: CacheSystem,
}

impl MultiTier {
    /// moka alone.
    pub(crate) async fn local(source: Source) -> Self {
        Self::new(source, CacheSystemBuilder::new().with_tier(moka(), TierConfig::as_l1())).await
    }

    /// Redis alone.
    pub(crate) async fn shared(source: Source, url: &str) -> Self {
        Self::new(source, CacheSystemBuilder::new().with_tier(redis(url).await, TierConfig::as_l1())).await
    }

    /// Both, which is its default.
    pub(crate) async fn both(source: Source, url: &str) -> Self {
        let tiers = CacheSystemBuilder::new().with_tier(moka(), TierConfig::as_l1());
        Self::new(source, tiers.with_tier(redis(url).await, TierConfig::as_l2())).await
    }

    async fn new(source: Source, builder: CacheSystemBuilder) -> Self {
        Self { source, system: builder.build().await.expect("tiers in order") }
    }
}

fn moka() -> Arc<L1Cache> {
    let config = MokaCacheConfig { max_capacity: CAPACITY as u64, time_to_live: TTL, time_to_idle: TTL };
    Arc::new(L1Cache::new(config).expect("a configuration in range"))
}

async fn redis(url: &str) -> Arc<L2Cache> {
    Arc::new(L2Cache::with_url(url).await.expect("a server that has just answered"))
}

impl Peer for MultiTier {
    type Value = TenantPolicy;

    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        let load = || async {
            let policy =
                self.source.get_policy(tenant).await.map_err(|error| CacheError::InternalError(error.to_string()))?;
            Ok(policy.map(|policy| (*policy).clone()))
        };
        let (manager, key) = (self.system.cache_manager(), key(tenant));
        let read = manager.get_or_compute_typed(&key, CacheStrategy::Custom(TTL), load);
        read.await.expect("a server that answers")
    }

    async fn forget(&self, tenant: TenantId) {
        self.system.cache_manager().invalidate(&key(tenant)).await.expect("a server that answers");
    }
}

fn key(tenant: TenantId) -> String {
    format!("policy:{tenant}")
}
