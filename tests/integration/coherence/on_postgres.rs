//! The races that need a store, on Postgres and Redis.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cache_core::testing::{ChaosRemote, Protection};
use cache_core::{Cache, MethodStats};
use cache_tests::RedisServer;
use stores::policy::{CachingPolicyStore, PolicyStore, PostgresPolicyStore, TenantPolicy};
use stores::{Page, PageRequest, StoreError, TenantId};

use super::sync_points::{SyncPoint, until};
use crate::stores::fixtures;

/// The Postgres store, which counts its reads and can stop after one.
struct Watched {
    inner: PostgresPolicyStore,
    reads: AtomicU64,
    after_read: Mutex<Option<Arc<SyncPoint>>>,
}

#[async_trait]
impl PolicyStore for Watched {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let policy = self.inner.get_policy(tenant).await;
        let point = self.after_read.lock().unwrap().take();
        if let Some(point) = point {
            point.pass().await;
        }
        policy
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        self.inner.get_policies(tenants).await
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        self.inner.set_policy(policy).await
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        self.inner.delete_policy(tenant).await
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        self.inner.count_policies().await
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        self.inner.list_policies(page).await
    }
}

struct Instance {
    cache: Cache,
    store: Arc<CachingPolicyStore<Watched>>,
}

struct World {
    rows: Arc<Watched>,
    redis: RedisServer,
    without: Option<Protection>,
    tenant: TenantId,
}

impl World {
    async fn new(without: Option<Protection>) -> Self {
        let inner = PostgresPolicyStore::new(fixtures::postgres().await);
        let rows = Arc::new(Watched { inner, reads: AtomicU64::new(0), after_read: Mutex::new(None) });
        Self { rows, redis: RedisServer::start(), without, tenant: TenantId::random() }
    }

    async fn instance(&self) -> Instance {
        let patience = Duration::from_secs(20);
        let builder = Cache::builder().lease(Duration::from_mins(2)).read_timeout(patience).write_timeout(patience);
        let cache = builder.without(self.without).remote(ChaosRemote::redis(&self.redis.url())).build().unwrap();
        let store = Arc::new(CachingPolicyStore::new(Arc::clone(&self.rows), &cache));
        assert!(cache.connected(patience).await);
        Instance { cache, store }
    }

    fn stop_after_read(&self) -> Arc<SyncPoint> {
        let point = Arc::new(SyncPoint::new());
        *self.rows.after_read.lock().unwrap() = Some(Arc::clone(&point));
        point
    }

    fn policy(&self, model: &str) -> TenantPolicy {
        TenantPolicy::new(self.tenant, model, "local")
    }

    fn reads(&self) -> u64 {
        self.rows.reads.load(Ordering::SeqCst)
    }
}

impl Instance {
    async fn model(&self, tenant: TenantId) -> Option<String> {
        self.store.get_policy(tenant).await.unwrap().map(|policy| policy.default_model.clone())
    }

    fn spawn_model(&self, tenant: TenantId) -> tokio::task::JoinHandle<Option<String>> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.get_policy(tenant).await.unwrap().map(|policy| policy.default_model.clone()) })
    }

    fn stats(&self) -> MethodStats {
        self.cache.stats().method("PolicyStore", "get_policy")
    }
}

#[tokio::test]
async fn a_hit_does_not_touch_postgres_and_a_write_is_seen_by_the_next_read_elsewhere() {
    let world = World::new(None).await;
    let writer = world.instance().await;
    writer.store.set_policy(&world.policy("v0")).await.unwrap();
    for round in 1..20 {
        let model = format!("v{round}");
        writer.store.set_policy(&world.policy(&model)).await.unwrap();
        let before = world.reads();
        assert_eq!(writer.model(world.tenant).await.as_deref(), Some(&*model));
        until("the value is in the shared tier", || writer.stats().fills == round).await;
        // A new instance has an empty local tier, so it reads through the shared tier.
        let other = world.instance().await;
        for _ in 0..10 {
            assert_eq!(other.model(world.tenant).await.as_deref(), Some(&*model));
        }
        assert_eq!((other.stats().shared_hits, other.stats().local_hits), (1, 9));
        assert_eq!(world.reads() - before, 1, "one read of the database for all of them");
    }
}

/// Fills an old row after it has changed.
///
/// Returns what a third instance reads.
async fn slow_fill(without: Option<Protection>, delete: bool) -> Option<String> {
    let world = World::new(without).await;
    let (reader, writer, third) = (world.instance().await, world.instance().await, world.instance().await);
    world.rows.inner.set_policy(&world.policy("old")).await.unwrap();
    let point = world.stop_after_read();
    let slow = reader.spawn_model(world.tenant);
    point.reached().await;
    if delete {
        assert!(writer.store.delete_policy(world.tenant).await.unwrap());
    } else {
        writer.store.set_policy(&world.policy("new")).await.unwrap();
    }
    point.open();
    assert_eq!(slow.await.unwrap().as_deref(), Some("old"));
    until("the slow fill is stored", || reader.stats().fills == 1).await;
    third.model(world.tenant).await
}

#[tokio::test]
async fn r1_and_r9_a_slow_read_of_postgres_does_not_outlive_a_write() {
    assert_eq!(slow_fill(None, false).await.as_deref(), Some("new"));
    assert_eq!(slow_fill(None, true).await, None);
    for delete in [false, true] {
        assert_eq!(slow_fill(Some(Protection::Fence), delete).await.as_deref(), Some("old"), "the control");
    }
}

/// Starts a read after a write, behind a flight that holds the old row.
async fn late_join(without: Option<Protection>) -> Option<String> {
    let world = World::new(without).await;
    let (reader, writer) = (world.instance().await, world.instance().await);
    world.rows.inner.set_policy(&world.policy("old")).await.unwrap();
    let point = world.stop_after_read();
    let old = reader.spawn_model(world.tenant);
    point.reached().await;
    let received = reader.cache.invalidations_received();
    writer.store.set_policy(&world.policy("new")).await.unwrap();
    until("the invalidation is received", || reader.cache.invalidations_received() > received).await;
    let new = reader.spawn_model(world.tenant);
    tokio::task::yield_now().await;
    point.open();
    assert_eq!(old.await.unwrap().as_deref(), Some("old"));
    new.await.unwrap()
}

#[tokio::test]
async fn r2_and_r13_a_read_after_a_write_takes_no_older_value_from_a_flight_or_the_local_tier() {
    assert_eq!(late_join(None).await.as_deref(), Some("new"));
    assert_eq!(late_join(Some(Protection::NextFlight)).await.as_deref(), Some("old"), "the control");
    assert_eq!(late_join(Some(Protection::SequenceCheck)).await.as_deref(), Some("old"), "the control");
}
