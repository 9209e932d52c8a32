//! R16: a writer is killed during its write, even between Redis and the database.
//!
//! Its lock outlives it, and leaves no generation when it expires.

use std::time::Duration;

use cache_tests::{PostgresServer, RedisServer};
use stores::TenantId;
use stores::policy::{PolicyStore, PostgresPolicyStore, SqlitePolicyStore, TenantPolicy};

use super::super::policies::{Policies, row};
use super::super::sync_points::until;
use super::super::world::has_locks;
use super::writer::{Disabled, Order, Step, Writer};
use crate::stores::fixtures;

/// The lifetime of a lock.
const LOCK: Duration = Duration::from_secs(2);

/// Kills a writer at this step.
///
/// Returns the row in the store, and what a new instance reads after the lock has expired.
async fn killed_at<S>(step: Step, disabled: Disabled, store: S, database: &str) -> [String; 2]
where
    S: PolicyStore + Clone + 'static,
{
    let (redis, tenant) = (RedisServer::start(), TenantId::random());
    store.set_policy(&TenantPolicy::new(tenant, "old", "local")).await.unwrap();
    let before = Policies::new(&redis, store.clone()).await;
    assert_eq!(before.model(tenant).await, "old");
    until("the value is in the shared tier", || before.stats().fills == 1).await;

    let (redis_url, lease) = (redis.url(), Duration::from_mins(2));
    let (database, tenant_text, model) = (database.to_owned(), tenant.to_string(), "new".to_owned());
    let order = Order { redis: redis_url, database, tenant: tenant_text, model, step, disabled, lock: LOCK, lease };
    Writer::stopped_at_its_step(&order).kill();
    let row = row(&store, tenant).await;
    let meanwhile = Policies::new(&redis, store.clone()).await;
    let seen = meanwhile.model(tenant).await;
    if has_locks(&redis) {
        assert_eq!(seen, row, "{step:?}");
        assert_eq!((meanwhile.stats().bypasses, meanwhile.stats().fills), (1, 0), "{step:?}");
    }
    until("the lock expires", || !has_locks(&redis)).await;
    let after = Policies::new(&redis, store).await;
    let seen = after.model(tenant).await;
    until("it is cached again", || after.stats().fills + after.stats().shared_hits == 1).await;
    [row, seen]
}

async fn a_killed_writer_hides_nothing<S>(store: S, database: &str)
where
    S: PolicyStore + Clone + 'static,
{
    let killed = |step, disabled| killed_at(step, disabled, store.clone(), database);
    assert_eq!(killed(Step::BeforeLock, Disabled::Nothing).await, ["old", "old"]);
    assert_eq!(killed(Step::BeforeCommit, Disabled::Nothing).await, ["old", "old"]);
    assert_eq!(killed(Step::AfterCommit, Disabled::Nothing).await, ["new", "new"]);
    assert_eq!(killed(Step::BeforeRelease, Disabled::Nothing).await, ["new", "new"]);
    let control = killed(Step::AfterCommit, Disabled::WriteLock).await;
    assert_eq!(control, ["new", "old"], "the control must read the value that the killed writer replaced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r16_a_writer_killed_at_any_step_hides_nothing_on_postgres() {
    let url = PostgresServer::shared().create_database().await.url_with_schema(fixtures::SCHEMA);
    let pool = fixtures::pool(&url).await;
    stores::migrate(&pool).await.unwrap();
    a_killed_writer_hides_nothing(PostgresPolicyStore::new(pool), &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r16_a_writer_killed_at_any_step_hides_nothing_on_sqlite() {
    let (folder, pool) = fixtures::sqlite().await;
    let url = format!("sqlite://{}", folder.path().join("stores.db").display());
    a_killed_writer_hides_nothing(SqlitePolicyStore::new(pool), &url).await;
}
