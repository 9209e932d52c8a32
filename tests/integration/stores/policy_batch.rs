//! Batches of policies over Postgres and Redis.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Cache;
use cache_tests::RedisServer;
use stores::TenantId;
use stores::policy::{CachingPolicyStore, PolicyStore, PostgresPolicyStore, TenantPolicy};

use super::{fixtures, statements};
use crate::coherence::sync_points::until;

const TENANTS: usize = 1000;
const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

async fn instance(
    backing: &Arc<PostgresPolicyStore>,
    redis: &RedisServer,
) -> (CachingPolicyStore<PostgresPolicyStore>, Cache) {
    let patience = Duration::from_secs(20);
    let builder = Cache::builder().redis(redis.url()).lease(Duration::from_mins(2));
    let cache = builder.read_timeout(patience).write_timeout(patience).build().unwrap();
    let store = CachingPolicyStore::new(Arc::clone(backing), &cache);
    assert!(cache.connected(TIME_TO_CONNECT).await, "{:?}", cache.health().await);
    (store, cache)
}

/// How many commands of a kind the server has executed.
fn commands(redis: &RedisServer, name: &str) -> u64 {
    let all = redis.raw(&["INFO", "commandstats"]).unwrap();
    let line = all.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
    line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

/// A thousand tenants, half of them missing, take one statement and two round trips.
///
/// The first round trip requests few entries, since the cache does not know their size yet.
#[tokio::test]
async fn the_misses_of_a_batch_are_one_statement() {
    let redis = RedisServer::start();
    let backing = Arc::new(PostgresPolicyStore::new(fixtures::postgres().await));
    let tenants: Vec<TenantId> = (0..TENANTS).map(|_| TenantId::random()).collect();
    for tenant in &tenants {
        backing.set_policy(&TenantPolicy::new(*tenant, "m", "p")).await.unwrap();
    }
    let (one, cache_one) = instance(&backing, &redis).await;
    let (half, _) = tenants.split_at(TENANTS / 2);
    let loaded = async { assert_eq!(one.get_policies(half).await.unwrap().len(), TENANTS / 2) };
    assert_eq!(statements::count(loaded).await, 1);
    let fills = || cache_one.stats().method("PolicyStore", "get_policy").fills;
    until("the first half is in Redis", || fills() == half.len() as u64).await;

    let (two, cache_two) = instance(&backing, &redis).await;
    let before = (commands(&redis, "getrange"), commands(&redis, "mget"));
    let all = async { assert_eq!(two.get_policies(&tenants).await.unwrap().len(), TENANTS) };
    assert_eq!(statements::count(all).await, 1, "exactly one statement for the half that is missing");
    let stats = cache_two.stats().method("PolicyStore", "get_policy");
    assert_eq!((stats.shared_hits, stats.misses, stats.loads), (500, 500, 1), "{stats:?}");
    let after = (commands(&redis, "getrange"), commands(&redis, "mget"));
    assert_eq!((after.0 - before.0, after.1 - before.1), (0, 2), "one command for each trip");

    let hits = async { assert_eq!(two.get_policies(&tenants).await.unwrap().len(), TENANTS) };
    assert_eq!(statements::count(hits).await, 0);
    cache_one.shutdown().await;
    cache_two.shutdown().await;
}

/// A batch sees the writes of other instances, entry by entry.
#[tokio::test]
async fn a_batch_sees_the_writes_of_another_instance() {
    let redis = RedisServer::start();
    let backing = Arc::new(PostgresPolicyStore::new(fixtures::postgres().await));
    let (one, cache_one) = instance(&backing, &redis).await;
    let (two, cache_two) = instance(&backing, &redis).await;
    let tenants: Vec<TenantId> = (0..20).map(|_| TenantId::random()).collect();
    assert_eq!(two.get_policies(&tenants).await.unwrap().len(), 0);
    for (round, tenant) in tenants.iter().enumerate() {
        one.set_policy(&TenantPolicy::new(*tenant, format!("model {round}"), "p")).await.unwrap();
        let found = async || two.get_policies(&tenants).await.unwrap();
        while found().await.len() != round + 1 {
            tokio::task::yield_now().await;
        }
    }
    let loads = cache_two.stats().method("PolicyStore", "get_policy").loads;
    assert!(loads <= 1 + tenants.len() as u64, "one load for each write at most: {loads}");
    cache_one.shutdown().await;
    cache_two.shutdown().await;
}
