//! Instances of the policy store over one Redis.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::{ChaosRemote, Protection};
use cache_core::{Cache, CacheBuilder, MethodStats};
use cache_tests::RedisServer;
use stores::TenantId;
use stores::policy::{CachingPolicyStore, PolicyStore};

const PATIENCE: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_mins(2);

/// One instance, over a store of its own choice.
pub(super) struct Policies<S> {
    pub(super) cache: Cache,
    pub(super) chaos: ChaosRemote,
    pub(super) store: Arc<CachingPolicyStore<S>>,
}

impl<S: PolicyStore + 'static> Policies<S> {
    pub(super) async fn new(redis: &RedisServer, store: S) -> Self {
        let builder = Cache::builder().lease(LEASE).recovery_barrier(Duration::from_secs(1));
        Self::build(&redis.url(), store, builder).await
    }

    pub(super) async fn build(redis: &str, store: S, builder: CacheBuilder) -> Self {
        let chaos = ChaosRemote::redis(redis);
        let builder = builder.read_timeout(PATIENCE).write_timeout(PATIENCE).remote(chaos.clone());
        let cache = builder.build().unwrap();
        let store = Arc::new(CachingPolicyStore::new(Arc::new(store), &cache));
        assert!(cache.connected(PATIENCE).await);
        Self { cache, chaos, store }
    }

    pub(super) async fn model(&self, tenant: TenantId) -> String {
        self.store.get_policy(tenant).await.unwrap().expect("the tenant has a policy").default_model.clone()
    }

    pub(super) fn stats(&self) -> MethodStats {
        self.cache.stats().method("PolicyStore", "get_policy")
    }
}

/// The policy of a store, read without a cache.
pub(super) async fn row(store: &impl PolicyStore, tenant: TenantId) -> String {
    store.get_policy(tenant).await.unwrap().expect("the tenant has a policy").default_model.clone()
}

/// A builder with this protection disabled.
pub(super) fn without(protection: Option<Protection>) -> CacheBuilder {
    Cache::builder().without(protection)
}
