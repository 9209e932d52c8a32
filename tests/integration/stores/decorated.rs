//! The decorator's additions to a store: other instances, the documented key, refused writes.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Cache;
use cache_tests::RedisServer;
use stores::TenantId;
use stores::policy::{CachingPolicyStore, MemoryPolicyStore, PolicyStore, PostgresPolicyStore, TenantPolicy};

use super::fixtures::{self, until};

const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

/// One instance of a service, with its own cache and store, connected including its namespace.
async fn instance(backing: &Arc<dyn PolicyStore>, redis: &RedisServer) -> (CachingPolicyStore<dyn PolicyStore>, Cache) {
    let cache = Cache::builder().redis(redis.url()).lease(Duration::from_millis(200)).build().unwrap();
    let store = CachingPolicyStore::new(Arc::clone(backing), &cache);
    assert!(cache.connected(TIME_TO_CONNECT).await, "{:?}", cache.health().await);
    (store, cache)
}

/// An instance reads another one's writes: local hits after its lease, everything else at once.
#[tokio::test]
async fn an_instance_reads_the_write_of_another() {
    let redis = RedisServer::start();
    let backing: Arc<dyn PolicyStore> = Arc::new(PostgresPolicyStore::new(fixtures::postgres().await));
    let (one, cache_one) = instance(&backing, &redis).await;
    let (two, cache_two) = instance(&backing, &redis).await;
    let tenant = TenantId::random();
    for round in 0..5 {
        let policy = TenantPolicy::new(tenant, format!("model {round}"), "p");
        one.set_policy(&policy).await.unwrap();
        assert_eq!(one.get_policy(tenant).await.unwrap().as_deref(), Some(&policy), "the writer reads its own write");
        until(async || two.get_policy(tenant).await.unwrap().as_deref() == Some(&policy)).await;
    }
    cache_one.shutdown().await;
    cache_two.shutdown().await;
}

#[tokio::test]
async fn an_entry_is_shared_under_the_documented_key() {
    let redis = RedisServer::start();
    let backing: Arc<dyn PolicyStore> = Arc::new(MemoryPolicyStore::new());
    let policy = TenantPolicy::new(TenantId::random(), "m", "p");
    backing.set_policy(&policy).await.unwrap();
    let (one, cache_one) = instance(&backing, &redis).await;
    let (two, cache_two) = instance(&backing, &redis).await;
    let key = format!("copilot:llm:policy:{}", policy.tenant_id);
    // A fill is sent after its read has returned.
    one.get_policy(policy.tenant_id).await.unwrap();
    until(async || redis.raw(&["EXISTS", &key]).is_ok_and(|reply| reply == "1")).await;

    let found = two.get_policy(policy.tenant_id).await.unwrap();
    assert_eq!(found.as_deref(), Some(&policy));
    assert_eq!(cache_two.stats().method("PolicyStore", "get_policy").shared_hits, 1);
    cache_one.shutdown().await;
    cache_two.shutdown().await;
}

/// A refused write leaves its entry unlocked, so the next read is cached again.
#[tokio::test]
async fn a_refused_write_locks_nothing() {
    let redis = RedisServer::start();
    let backing: Arc<dyn PolicyStore> = Arc::new(MemoryPolicyStore::new());
    let (store, cache) = instance(&backing, &redis).await;
    let policy = TenantPolicy::new(TenantId::random(), "m", "p");
    store.set_policy(&policy).await.unwrap();
    store.get_policy(policy.tenant_id).await.unwrap();

    let before = cache.stats();
    store.set_policy(&TenantPolicy { default_model: "\0".into(), ..policy.clone() }).await.unwrap_err();
    for _ in 0..2 {
        assert_eq!(store.get_policy(policy.tenant_id).await.unwrap().as_deref(), Some(&policy));
    }
    let stats = cache.stats().since(&before).method("PolicyStore", "get_policy");
    assert_eq!((stats.loads, stats.bypasses, stats.local_hits), (1, 0, 1), "{stats:?}");
    cache.shutdown().await;
}
