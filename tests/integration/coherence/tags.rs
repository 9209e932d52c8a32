//! R41: tags that values determine. A fill that reads the tag after its load does not outlive a write of the tag.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_core::testing::{ManualClock, Protection};
use cache_core::{Cache, MemoryRemote, cached_store};
use cache_tests::{PooledCluster, RedisServer};

use super::sync_points::{SyncPoint, until};
use super::world::{Tier, has_locks};

/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// The lifetime of a writer's lock.
const LOCK: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Account {
    id: u64,
    mail: String,
}

#[cached_store(namespace = "race:tags")]
pub(super) trait Accounts: Send + Sync {
    #[cached(entity = "mail", key(mail), tags("account", value.id), ttl = "5m", negative_ttl = "5m")]
    async fn by_mail(&self, mail: &str) -> Result<Option<Account>, cache_core::Error>;

    #[invalidates(tag("account", account.id))]
    async fn put(&self, account: &Account) -> Result<(), cache_core::Error>;
}

#[derive(Default)]
struct Rows {
    accounts: Mutex<BTreeMap<u64, String>>,
    /// Stops the next load after it has read.
    stop: Mutex<Option<Arc<SyncPoint>>>,
}

impl Rows {
    fn commit(&self, id: u64, mail: &str) {
        self.accounts.lock().unwrap().insert(id, mail.to_owned());
    }
}

impl Accounts for Rows {
    async fn by_mail(&self, mail: &str) -> Result<Option<Account>, cache_core::Error> {
        let found = self.accounts.lock().unwrap().iter().find(|(_, other)| *other == mail).map(|(id, _)| *id);
        let stop = self.stop.lock().unwrap().take();
        if let Some(point) = stop {
            point.pass().await;
        }
        Ok(found.map(|id| Account { id, mail: mail.to_owned() }))
    }

    async fn put(&self, account: &Account) -> Result<(), cache_core::Error> {
        self.commit(account.id, &account.mail);
        Ok(())
    }
}

struct World {
    tier: Tier,
    rows: Arc<Rows>,
    without: Option<Protection>,
}

impl World {
    fn each(without: Option<Protection>) -> [Self; 3] {
        let clock = ManualClock::new();
        let memory = Tier::Memory(MemoryRemote::with_clock(clock.clone()), clock);
        let cluster = Tier::Other(Arc::new(PooledCluster::take()));
        [memory, Tier::Redis(RedisServer::start()), cluster].map(|tier| Self { tier, rows: Arc::default(), without })
    }

    async fn instance(&self) -> (Cache, CachingAccounts<Rows>) {
        let builder = Cache::builder().write_lock_ttl(LOCK).read_timeout(PATIENCE).write_timeout(PATIENCE);
        let builder = builder.lease(Duration::from_mins(2)).without(self.without);
        let builder = match &self.tier {
            Tier::Memory(remote, clock) => builder.remote(remote.clone()).clock(clock.clone()),
            Tier::Redis(server) => builder.redis(server.url()),
            Tier::Other(servers) => builder.redis(servers.url()),
        };
        let cache = builder.build().unwrap();
        let store = CachingAccounts::new(Arc::clone(&self.rows), &cache);
        assert!(cache.connected(PATIENCE).await, "the shared tier of a test does not connect");
        (cache, store)
    }

    async fn locks_expire(&self) {
        match &self.tier {
            Tier::Memory(_, clock) => clock.advance(LOCK),
            Tier::Redis(server) => until("the lock expires", || !has_locks(server)).await,
            Tier::Other(servers) => until("the lock expires", || !has_locks(&**servers)).await,
        }
    }

    /// Begins a read of the old address, which stops after it has read the row.
    async fn slow_read(&self, reader: &CachingAccounts<Rows>) -> (Arc<SyncPoint>, tokio::task::JoinHandle<bool>) {
        self.rows.commit(1, "old");
        let point = Arc::new(SyncPoint::new());
        *self.rows.stop.lock().unwrap() = Some(Arc::clone(&point));
        let reader = reader.clone();
        let slow = tokio::spawn(async move { reader.by_mail("old").await.unwrap().is_some() });
        point.reached().await;
        (point, slow)
    }
}

/// Returns whether the old address is still found after a write that completed during a load.
async fn overtaken(world: World) -> bool {
    let ((_, reader), (_, writer)) = (world.instance().await, world.instance().await);
    let (point, slow) = world.slow_read(&reader).await;
    writer.put(&Account { id: 1, mail: "new".to_owned() }).await.unwrap();
    point.open();
    assert!(slow.await.unwrap(), "a read that began before the write may return the old value");
    reader.by_mail("old").await.unwrap().is_some()
}

/// The same for a write whose process is killed between its commit and its release.
async fn overtaken_by_a_killed_writer(world: World) -> bool {
    let ((_, reader), (_, writer)) = (world.instance().await, world.instance().await);
    let (point, slow) = world.slow_read(&reader).await;
    let guard = writer.begin_put(&Account { id: 1, mail: "new".to_owned() }).await;
    world.rows.commit(1, "new");
    std::mem::forget(guard);
    world.locks_expire().await;
    point.open();
    assert!(slow.await.unwrap());
    reader.by_mail("old").await.unwrap().is_some()
}

#[tokio::test]
async fn r41_a_fill_reads_no_newer_generation_of_a_tag() {
    for world in World::each(None) {
        assert!(!overtaken(world).await);
    }
    for world in World::each(Some(Protection::TagClock)) {
        assert!(overtaken(world).await, "the control must see the stale value");
    }
}

#[tokio::test]
async fn r41_a_writer_of_a_tag_that_is_killed_hides_nothing() {
    for world in World::each(None) {
        assert!(!overtaken_by_a_killed_writer(world).await);
    }
    for world in World::each(Some(Protection::TagClock)) {
        assert!(overtaken_by_a_killed_writer(world).await, "the control must see the stale value");
    }
}

#[tokio::test]
async fn tagged_values_are_shared_until_the_tag_is_invalidated() {
    for world in World::each(None) {
        let ((one, writer), (two, reader)) = (world.instance().await, world.instance().await);
        world.rows.commit(1, "old");
        assert!(writer.by_mail("old").await.unwrap().is_some());
        until("the value is in the shared tier", || one.stats().total().fills == 1).await;
        assert!(reader.by_mail("old").await.unwrap().is_some());
        assert_eq!(two.stats().total().shared_hits, 1);
        let received = two.invalidations_received();
        writer.put(&Account { id: 1, mail: "new".to_owned() }).await.unwrap();
        until("the message has arrived", || two.invalidations_received() > received).await;
        assert!(reader.by_mail("old").await.unwrap().is_none());
        assert!(reader.by_mail("new").await.unwrap().is_some());
    }
}
