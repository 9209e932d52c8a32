//! R15: loads from a database replica that lags behind.
//!
//! The cache takes the result of a load for current, so a replica without the latest write puts the old row back for an
//! entry's whole lifetime. For that reason the provided stores have one address, which must be the primary's.

use cache_core::Cache;
use cache_tests::{PostgresServer, RedisServer};
use sqlx::PgPool;
use stores::TenantId;
use stores::policy::{PolicyStore, PostgresPolicyStore, TenantPolicy};

use super::policies::{Policies, row};
use super::sync_points::until;
use crate::stores::fixtures;

/// A primary, and a replica of it.
struct Databases {
    primary: PgPool,
    replica: PgPool,
    _servers: [PostgresServer; 2],
}

impl Databases {
    async fn start() -> Self {
        let server = PostgresServer::start();
        let url = server.create_database().await.url_with_schema(fixtures::SCHEMA);
        let primary = fixtures::pool(&url).await;
        stores::migrate(&primary).await.unwrap();
        let follower = server.start_replica();
        let at_follower = url.replace(&format!(":{}/", server.port()), &format!(":{}/", follower.port()));
        let replica = fixtures::pool(&at_follower).await;
        Self { primary, replica, _servers: [follower, server] }
    }

    /// Pauses the replica until the test resumes it.
    async fn hold_replica(&self) {
        sqlx::query("SELECT pg_wal_replay_pause()").execute(&self.replica).await.unwrap();
        let paused = async || {
            let state = sqlx::query_scalar::<_, String>("SELECT pg_get_wal_replay_pause_state()");
            state.fetch_one(&self.replica).await.unwrap() == "paused"
        };
        fixtures::until(paused).await;
    }

    async fn release_replica(&self) {
        sqlx::query("SELECT pg_wal_replay_resume()").execute(&self.replica).await.unwrap();
    }
}

/// The values that readers saw after a write that the replica had not applied yet.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// Seen by the loading instance, and by another one through the shared tier.
    while_it_lagged: [String; 2],
    /// Seen by a new instance.
    when_it_had_caught_up: String,
    /// Seen by the same instance after an operator has invalidated the entry.
    after_an_invalidation: String,
}

async fn loads_from(databases: &Databases, loads: &PgPool) -> Seen {
    let redis = RedisServer::start();
    let tenant = TenantId::random();
    let (primary, replica) = (&databases.primary, PostgresPolicyStore::new(databases.replica.clone()));
    let primary = PostgresPolicyStore::new(primary.clone());
    let old = TenantPolicy::new(tenant, "old", "local");
    primary.set_policy(&old).await.unwrap();
    fixtures::until(async || replica.get_policy(tenant).await.unwrap().is_some()).await;
    databases.hold_replica().await;

    let writer = Policies::new(&redis, primary.clone()).await;
    let new = TenantPolicy { default_model: "new".into(), ..old };
    writer.store.set_policy(&new).await.unwrap();
    let reader = Policies::new(&redis, PostgresPolicyStore::new(loads.clone())).await;
    let loaded = reader.model(tenant).await;
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    let other = Policies::new(&redis, primary.clone()).await;
    let shared = other.model(tenant).await;
    assert_eq!(other.stats().shared_hits, 1);

    databases.release_replica().await;
    fixtures::until(async || row(&replica, tenant).await == "new").await;
    let third = Policies::new(&redis, primary.clone()).await;
    let caught_up = third.model(tenant).await;
    third.store.invalidate_get_policy(tenant).await;
    Seen {
        while_it_lagged: [loaded, shared],
        when_it_had_caught_up: caught_up,
        after_an_invalidation: third.model(tenant).await,
    }
}

#[tokio::test]
async fn r15_a_load_from_the_primary_is_current_and_one_from_a_lagging_replica_is_cached() {
    let databases = Databases::start().await;
    let from_primary = loads_from(&databases, &databases.primary).await;
    let seen = |lagging: &str| Seen {
        while_it_lagged: [lagging.to_owned(), lagging.to_owned()],
        when_it_had_caught_up: lagging.to_owned(),
        after_an_invalidation: "new".to_owned(),
    };
    assert_eq!(from_primary, seen("new"));
    let from_replica = loads_from(&databases, &databases.replica).await;
    assert_eq!(from_replica, seen("old"), "nothing protects from it, and the lag's end does not end it");
}

/// Without an invalidation, the time to live is the bound.
#[tokio::test]
async fn r15_an_entry_from_a_lagging_replica_ends_with_its_time_to_live() {
    use std::time::{Duration, Instant};

    const LIFE: Duration = Duration::from_secs(2);
    let databases = Databases::start().await;
    let redis = RedisServer::start();
    let tenant = TenantId::random();
    let (primary, replica) =
        (PostgresPolicyStore::new(databases.primary.clone()), PostgresPolicyStore::new(databases.replica.clone()));
    let old = TenantPolicy::new(tenant, "old", "local");
    primary.set_policy(&old).await.unwrap();
    fixtures::until(async || replica.get_policy(tenant).await.unwrap().is_some()).await;
    databases.hold_replica().await;
    let cache = Cache::builder().redis(redis.url()).build().unwrap();
    let reader = stores::policy::CachingPolicyStore::builder(std::sync::Arc::new(replica), &cache)
        .get_policy(|policy| policy.ttl(LIFE));
    let reader = reader.build();
    assert!(cache.connected(Duration::from_secs(20)).await);
    primary.set_policy(&TenantPolicy { default_model: "new".into(), ..old }).await.unwrap();
    assert_eq!(row(&reader, tenant).await, "old");
    let loaded = Instant::now();
    databases.release_replica().await;
    loop {
        let began = loaded.elapsed();
        if row(&reader, tenant).await == "new" {
            break;
        }
        assert!(began < Duration::from_secs(20), "the entry outlives its time to live");
        tokio::task::yield_now().await;
    }
}
