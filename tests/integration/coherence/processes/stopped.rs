//! R17: a writer is suspended for longer than its lock lives, and then resumes.

use std::time::Duration;

use cache_tests::{PostgresServer, RedisServer};
use stores::TenantId;
use stores::policy::{PolicyStore, PostgresPolicyStore, TenantPolicy};

use super::super::policies::Policies;
use super::super::sync_points::until;
use super::super::world::has_locks;
use super::writer::{Disabled, Order, Step, Writer};
use crate::stores::fixtures;

const LOCK: Duration = Duration::from_millis(500);

/// The state after the writer has resumed.
struct Afterwards {
    redis: RedisServer,
    store: PostgresPolicyStore,
    tenant: TenantId,
    /// The instance that filled the old value while the writer was stopped.
    reader: Policies<PostgresPolicyStore>,
    _writer: Writer,
}

impl Afterwards {
    /// Returns what a new instance reads.
    async fn newcomer(&self) -> String {
        Policies::new(&self.redis, self.store.clone()).await.model(self.tenant).await
    }
}

/// Suspends a writer with this lease before its commit, until its lock has expired.
///
/// A reader fills the old value. Then the writer resumes, and its write is acknowledged.
async fn suspended(lease: Duration, disabled: Disabled) -> Afterwards {
    let (redis, tenant) = (RedisServer::start(), TenantId::random());
    let url = PostgresServer::shared().create_database().await.url_with_schema(fixtures::SCHEMA);
    let pool = fixtures::pool(&url).await;
    stores::migrate(&pool).await.unwrap();
    let store = PostgresPolicyStore::new(pool);
    store.set_policy(&TenantPolicy::new(tenant, "old", "local")).await.unwrap();

    let (redis_url, tenant_text, model) = (redis.url(), tenant.to_string(), "new".to_owned());
    let step = Step::BeforeCommit;
    let order =
        Order { redis: redis_url, database: url, tenant: tenant_text, model, step, disabled, lock: LOCK, lease };
    let writer = Writer::stopped_at_its_step(&order);
    writer.suspend();
    until("the lock expires", || !has_locks(&redis)).await;
    let reader = Policies::new(&redis, store.clone()).await;
    assert_eq!(reader.model(tenant).await, "old");
    until("the old value is in the shared tier", || reader.stats().fills == 1).await;
    let writer = writer.resume_until_done();
    Afterwards { redis, store, tenant, reader, _writer: writer }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_a_writer_suspended_beyond_its_lock_invalidates_after_it_resumes() {
    let long = Duration::from_mins(2);
    let after = suspended(long, Disabled::Nothing).await;
    assert_eq!(after.newcomer().await, "new");
    until("the reader has received the invalidation", || after.reader.store.peek_get_policy(after.tenant).is_none())
        .await;
    assert_eq!(after.reader.model(after.tenant).await, "new");
    let control = suspended(long, Disabled::LossOfLock).await;
    assert_eq!(control.newcomer().await, "old", "the control must see the stale value");
    assert_eq!(control.reader.model(control.tenant).await, "old", "in the local tier too");
}

/// After its lease has expired, the process may distrust its connection at first.
///
/// In that case the journal delivers the invalidation that the release could not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_a_writer_suspended_beyond_its_lease_still_invalidates() {
    let after = suspended(Duration::from_millis(200), Disabled::Nothing).await;
    fixtures::until(async || after.newcomer().await == "new").await;
    until("the reader has received the invalidation", || after.reader.store.peek_get_policy(after.tenant).is_none())
        .await;
    assert_eq!(after.reader.model(after.tenant).await, "new");
}
