//! A decorated store is the store that it decorates: the same suite, over every kind of cache and every database.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, MemoryRemote};
use cache_tests::RedisServer;
use stores::TenantId;
use stores::conformance;
use stores::policy::{
    CachingPolicyStore, MemoryPolicyStore, PolicyStore, PostgresPolicyStore, SqlitePolicyStore, TenantPolicy,
};

use super::fixtures::{self, until};

const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

/// Runs the suite over each database behind this cache, and returns the sum of what was counted.
async fn passes(name: &str, cache: &Cache, time_to_connect: Duration) -> (u64, u64) {
    let (_folder, sqlite) = fixtures::sqlite().await;
    let postgres = fixtures::postgres().await;
    let databases: [(&str, Arc<dyn PolicyStore>); 3] = [
        ("memory", Arc::new(MemoryPolicyStore::new())),
        ("SQLite", Arc::new(SqlitePolicyStore::new(sqlite))),
        ("Postgres", Arc::new(PostgresPolicyStore::new(postgres))),
    ];
    let (mut local_hits, mut shared_hits) = (0, 0);
    for (database, backing) in databases {
        let store = CachingPolicyStore::new(backing, cache);
        cache.connected(time_to_connect).await;
        let checks = conformance::policy_store(&store).await.unwrap();
        let stats = cache.stats().method("PolicyStore", "get_policy");
        println!(
            "{name} over {database}: {checks} checks, {} local and {} shared hits",
            stats.local_hits, stats.shared_hits
        );
        local_hits += stats.local_hits;
        shared_hits += stats.shared_hits;
        store.invalidate_all().await;
    }
    (local_hits, shared_hits)
}

/// One instance of a service: a cache and a store of its own. Its namespace is part of what has to be connected.
async fn instance(backing: &Arc<dyn PolicyStore>, redis: &RedisServer) -> (CachingPolicyStore<dyn PolicyStore>, Cache) {
    let cache = Cache::builder().redis(redis.url()).lease(Duration::from_millis(200)).build().unwrap();
    let store = CachingPolicyStore::new(Arc::clone(backing), &cache);
    assert!(cache.connected(TIME_TO_CONNECT).await, "{:?}", cache.health().await);
    (store, cache)
}

#[tokio::test]
async fn through_a_cache_that_keeps_nothing() {
    assert_eq!(passes("pass-through", &Cache::pass_through(), Duration::ZERO).await, (0, 0));
}

#[tokio::test]
async fn through_the_cache_of_a_single_instance() {
    let (local_hits, shared_hits) = passes("single instance", &Cache::single_instance(), Duration::ZERO).await;
    assert!(local_hits > 0 && shared_hits == 0);
}

#[tokio::test]
async fn through_a_shared_tier_in_memory() {
    let cache = Cache::builder().remote(MemoryRemote::new()).build().unwrap();
    assert!(passes("shared in memory", &cache, TIME_TO_CONNECT).await.0 > 0);
    cache.shutdown().await;
}

#[tokio::test]
async fn through_redis() {
    let redis = RedisServer::start();
    let cache = Cache::builder().redis(redis.url()).build().unwrap();
    assert!(passes("Redis", &cache, TIME_TO_CONNECT).await.0 > 0);
    cache.shutdown().await;
}

#[tokio::test]
async fn through_redis_that_is_not_there() {
    let mut redis = RedisServer::start();
    redis.stop();
    let cache = Cache::builder().redis(redis.url()).build().unwrap();
    assert_eq!(passes("no Redis", &cache, Duration::ZERO).await.1, 0);
    cache.shutdown().await;
}

/// What one instance writes, another one reads: a local hit at the latest when its lease is over, everything else at once.
#[tokio::test]
async fn an_instance_reads_what_another_one_wrote() {
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
    // A fill is sent behind the read that made it.
    one.get_policy(policy.tenant_id).await.unwrap();
    until(async || redis.raw(&["EXISTS", &key]).is_ok_and(|reply| reply == "1")).await;

    let found = two.get_policy(policy.tenant_id).await.unwrap();
    assert_eq!(found.as_deref(), Some(&policy));
    assert_eq!(cache_two.stats().method("PolicyStore", "get_policy").shared_hits, 1);
    cache_one.shutdown().await;
    cache_two.shutdown().await;
}

/// A refused write is known not to have happened: its entry is not left locked, and the next read is cached again.
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
