//! Writes in a transaction of the caller: `begin_x` places the lock, and `committed` releases it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_core::testing::{ChaosRemote, ManualClock};
use cache_core::{Cache, MemoryRemote, WriteGuard, cached_store};

use super::support::Failed;

type Rows = Arc<Mutex<HashMap<u64, &'static str>>>;

/// A transaction whose writes become visible when it commits.
pub(super) struct Transaction {
    rows: Rows,
    pending: Vec<(u64, &'static str)>,
}

impl Transaction {
    fn commit(self) {
        self.rows.lock().unwrap().extend(self.pending);
    }
}

#[cached_store(namespace = "test:transactions")]
#[async_trait::async_trait]
pub(super) trait Names: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn name(&self, id: u64) -> Result<Option<String>, Failed>;

    #[invalidates(name(id), commits = caller)]
    async fn rename(&self, transaction: &mut Transaction, id: u64, name: &'static str) -> Result<(), Failed>;

    #[invalidates(name(*result), commits = caller)]
    async fn create<T: Into<String> + Send>(
        &self,
        transaction: Option<&mut Transaction>,
        name: T,
    ) -> Result<u64, Failed>;

    /// Commits before it returns.
    #[invalidates(name(id), commits = store)]
    async fn rename_now(&self, transaction: Transaction, id: u64, name: &'static str) -> Result<(), Failed>;

    #[invalidates(name(id))]
    async fn r#move(&self, id: u64) -> Result<(), Failed>;
}

struct Database(Rows);

#[async_trait::async_trait]
impl Names for Database {
    async fn name(&self, id: u64) -> Result<Option<String>, Failed> {
        Ok(self.0.lock().unwrap().get(&id).map(ToString::to_string))
    }
    async fn rename(&self, transaction: &mut Transaction, id: u64, name: &'static str) -> Result<(), Failed> {
        transaction.pending.push((id, name));
        Ok(())
    }
    async fn create<T: Into<String> + Send>(&self, transaction: Option<&mut Transaction>, _: T) -> Result<u64, Failed> {
        transaction.unwrap().pending.push((7, "created"));
        Ok(7)
    }
    async fn rename_now(&self, mut transaction: Transaction, id: u64, name: &'static str) -> Result<(), Failed> {
        transaction.pending.push((id, name));
        transaction.commit();
        Ok(())
    }
    async fn r#move(&self, _: u64) -> Result<(), Failed> {
        Ok(())
    }
}

const LOCK: Duration = Duration::from_secs(2);

/// One instance, without and with a shared tier.
struct World {
    clock: ManualClock,
    cache: Cache,
    rows: Rows,
    names: CachingNames<Database>,
}

impl World {
    async fn of(clock: ManualClock, cache: Cache) -> Self {
        let rows = Rows::default();
        rows.lock().unwrap().insert(1, "old");
        let names = CachingNames::new(Arc::new(Database(Arc::clone(&rows))), &cache);
        assert!(cache.connected(Duration::from_secs(20)).await);
        Self { clock, cache, rows, names }
    }

    async fn each() -> [Self; 2] {
        let (alone, shared) = (ManualClock::new(), ManualClock::new());
        let remote = ChaosRemote::new(MemoryRemote::with_clock(shared.clone()));
        // The lease does not end in any of these tests.
        let builder = Cache::builder().clock(shared.clone()).lease(Duration::from_mins(2)).write_lock_ttl(LOCK);
        let cache = builder.remote(remote).build().unwrap();
        [Self::of(alone.clone(), Cache::single_instance_with_clock(alone)).await, Self::of(shared, cache).await]
    }

    fn begin(&self) -> Transaction {
        Transaction { rows: Arc::clone(&self.rows), pending: Vec::new() }
    }

    async fn name(&self) -> String {
        self.names.name(1).await.unwrap().unwrap()
    }

    /// Whether a read value stays cached after the fills have completed.
    async fn is_kept(&self) -> bool {
        for _ in 0..50 {
            self.name().await;
            if self.names.peek_name(1).is_some() {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }

    fn has_remote(&self) -> bool {
        self.cache.backend() != cache_core::Backend::SingleInstance
    }

    /// Writes in a transaction under a guard, up to its commit, and reads before that.
    async fn written(&self) -> (WriteGuard, Transaction) {
        let mut transaction = self.begin();
        assert!(self.is_kept().await);
        let guard = self.names.begin_rename(&mut transaction, 1, "new").await;
        self.names.backing().rename(&mut transaction, 1, "new").await.unwrap();
        assert_eq!(self.name().await, "old", "it is not committed yet");
        if self.has_remote() {
            assert!(!self.is_kept().await, "a value read under a lock is not cached");
        }
        (guard, transaction)
    }
}

#[tokio::test]
async fn a_committed_transaction_is_read() {
    for world in World::each().await {
        let (guard, transaction) = world.written().await;
        transaction.commit();
        guard.committed().await;
        assert_eq!(world.name().await, "new");
        assert!(world.is_kept().await, "the lock is released");
    }
}

#[tokio::test]
async fn a_rollback_releases_at_once() {
    for world in World::each().await {
        let (guard, transaction) = world.written().await;
        drop(transaction);
        guard.rolled_back().await;
        assert_eq!(world.name().await, "old");
        assert!(world.is_kept().await, "the lock is released");
    }
}

/// A dropped guard leaves the commit unknown: values are not kept beyond its lock.
#[tokio::test]
async fn a_guard_that_is_dropped_is_a_write_of_unknown_outcome() {
    for world in World::each().await {
        let (guard, transaction) = world.written().await;
        drop(guard);
        assert_eq!(world.name().await, "old");
        if world.has_remote() {
            assert!(!world.is_kept().await, "the lock stays");
            transaction.commit();
            assert_eq!(world.name().await, "new");
            world.clock.advance(LOCK);
            assert!(world.is_kept().await, "the lock has expired");
        } else {
            transaction.commit();
            let lapsed = || async {
                world.clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
                world.name().await == "new"
            };
            let mut seconds = 0;
            while !lapsed().await {
                seconds += 1;
                assert!(seconds < 60, "a value read under the lock is dropped when the lock would have expired");
            }
        }
        assert_eq!(world.name().await, "new");
    }
}

/// The decorated method cannot see the commit.
///
/// With a shared tier, reads go to the store until the method's lock expires.
#[tokio::test]
async fn the_decorated_method_leaves_its_lock_until_the_expiry() {
    for world in World::each().await.into_iter().filter(World::has_remote) {
        assert!(world.is_kept().await);
        let mut transaction = world.begin();
        world.names.rename(&mut transaction, 1, "new").await.unwrap();
        assert_eq!(world.name().await, "old");
        assert!(!world.is_kept().await);
        transaction.commit();
        assert_eq!(world.name().await, "new");
        world.clock.advance(LOCK);
        assert!(world.is_kept().await);
    }
}

/// No result names the changed entry, so the whole method is invalidated.
#[tokio::test]
async fn a_target_that_only_the_result_names() {
    for world in World::each().await {
        assert_eq!(world.names.name(7).await.unwrap(), None);
        let mut transaction = world.begin();
        let guard = world.names.begin_create(Some(&mut transaction), "created").await;
        world.names.backing().create(Some(&mut transaction), "created").await.unwrap();
        transaction.commit();
        guard.committed().await;
        assert_eq!(world.names.name(7).await.unwrap().unwrap(), "created");
    }
}

#[tokio::test]
async fn a_store_that_commits_itself_is_an_ordinary_write() {
    for world in World::each().await {
        assert!(world.is_kept().await);
        world.names.rename_now(world.begin(), 1, "new").await.unwrap();
        assert_eq!(world.name().await, "new");
        assert!(world.is_kept().await);
        world.names.begin_move(1).await.committed().await;
    }
}
