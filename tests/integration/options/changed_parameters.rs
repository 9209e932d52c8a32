//! Writes whose targets depend on parameters that the store changes.
//!
//! The decorator invalidates the targets as evaluated before the call and after it.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use cache_core::testing::{ChaosRemote, ManualClock};
use cache_core::{Cache, MemoryRemote, WriteError, cached_store};

#[derive(Debug, Clone)]
pub(super) struct Refused(bool);

impl WriteError for Refused {
    fn not_written(&self) -> bool {
        self.0
    }
}

#[derive(Debug)]
pub(super) struct Record {
    id: u64,
}

/// A parameter without `Clone`, whose key is computed before the call consumes it.
pub(super) struct Token {
    name: String,
}

#[cached_store(namespace = "test:changed")]
#[async_trait::async_trait]
pub(super) trait Store: Send + Sync {
    #[cached(entity = "record", key(id), ttl = "10m")]
    async fn load(&self, id: u64) -> Result<u64, Refused>;

    #[cached(entity = "named", key(id, name, note), ttl = "10m")]
    async fn named(&self, id: u64, name: &str, note: Option<&str>) -> Result<u64, Refused>;

    #[invalidates(load(record.id))]
    async fn exclusive(&self, record: &mut Record) -> Result<(), Refused>;

    #[invalidates(load(record.as_ref().map_or(0, |record| record.id)))]
    async fn optional(&self, record: Option<&mut Record>) -> Result<(), Refused>;

    #[invalidates(load(record.id))]
    async fn pinned(&self, record: Pin<&mut Record>) -> Result<(), Refused>;

    #[invalidates(load(records[0].id), load(records[1].id))]
    async fn slice(&self, records: &mut [Record]) -> Result<(), Refused>;

    #[invalidates(load(records.first().map_or(0, |record| record.id)))]
    #[allow(clippy::ptr_arg, reason = "the type that stores have")]
    async fn list<'a>(&'a self, records: &'a mut Vec<Record>) -> Result<(), Refused>;

    #[invalidates(load(both.0.id))]
    async fn taken(&self, both: (&mut Record, u8)) -> Result<(), Refused>;

    #[invalidates(load(id.load(Ordering::SeqCst)))]
    async fn shared(&self, id: &AtomicU64) -> Result<(), Refused>;

    #[invalidates(load(record.lock().unwrap().id))]
    async fn handle(&self, record: Arc<Mutex<Record>>) -> Result<(), Refused>;

    #[invalidates(load(of.id()))]
    async fn generic<T: HasId + Send + ?Sized>(&self, of: &mut T) -> Result<(), Refused>;

    #[invalidates(load(of.id()))]
    async fn any(&self, of: &mut (impl HasId + Send)) -> Result<(), Refused>;

    #[invalidates(named(record.id, token.name, note), load(result))]
    async fn with_token(&self, record: &mut Record, token: Token, note: Option<&str>) -> Result<u64, Refused>;

    #[invalidates(load(of.as_ref().map_or(0, |of| of.id())))]
    async fn dynamic(&self, of: Option<&mut (dyn HasId + Send)>) -> Result<(), Refused>;

    #[invalidates(load(records[0].id), named(records[0].id, ..))]
    #[allow(clippy::ptr_arg, reason = "the store drains it")]
    async fn drained(&self, records: &mut Vec<Record>) -> Result<&'static str, Refused>;

    #[invalidates(load(record.as_ref().unwrap().id))]
    async fn emptied(&self, record: &mut Option<Record>) -> Result<&'static str, Refused>;

    #[invalidates(load(result[0]))]
    async fn none(&self) -> Result<Vec<u64>, Refused>;

    #[invalidates(load(record.lock().await.id))]
    async fn asynchronous(&self, record: Arc<tokio::sync::Mutex<Record>>) -> Result<(), Refused>;

    #[invalidates(load(record.lock().await.as_ref().unwrap().id))]
    async fn asynchronously_emptied(&self, record: &tokio::sync::Mutex<Option<Record>>) -> Result<(), Refused>;

    #[invalidates(load(record.lock().unwrap().id))]
    async fn stuck(&self, record: &Mutex<Record>) -> Result<(), Refused>;

    #[invalidates(load(record.id))]
    async fn unwrapped(&self, record: Arc<Record>) -> Result<(), Refused>;

    #[invalidates(load(record.id))]
    async fn refused(&self, record: &mut Record, certainly: bool) -> Result<(), Refused>;
}

pub(super) trait HasId {
    fn id(&self) -> u64;
    fn set(&mut self, id: u64);
}

impl HasId for Record {
    fn id(&self) -> u64 {
        self.id
    }
    fn set(&mut self, id: u64) {
        self.id = id;
    }
}

/// Every write moves its record from 1 to 2.
struct Moving;

#[async_trait::async_trait]
impl Store for Moving {
    async fn load(&self, id: u64) -> Result<u64, Refused> {
        Ok(id)
    }
    async fn named(&self, id: u64, _: &str, _: Option<&str>) -> Result<u64, Refused> {
        Ok(id)
    }
    async fn exclusive(&self, record: &mut Record) -> Result<(), Refused> {
        record.id = 2;
        Ok(())
    }
    async fn optional(&self, record: Option<&mut Record>) -> Result<(), Refused> {
        record.unwrap().id = 2;
        Ok(())
    }
    async fn pinned(&self, record: Pin<&mut Record>) -> Result<(), Refused> {
        record.get_mut().id = 2;
        Ok(())
    }
    async fn slice(&self, records: &mut [Record]) -> Result<(), Refused> {
        records[0].id = 2;
        Ok(())
    }
    async fn list<'a>(&'a self, records: &'a mut Vec<Record>) -> Result<(), Refused> {
        records[0].id = 2;
        Ok(())
    }
    async fn taken(&self, both: (&mut Record, u8)) -> Result<(), Refused> {
        both.0.id = 2;
        Ok(())
    }
    async fn shared(&self, id: &AtomicU64) -> Result<(), Refused> {
        id.store(2, Ordering::SeqCst);
        Ok(())
    }
    async fn handle(&self, record: Arc<Mutex<Record>>) -> Result<(), Refused> {
        record.lock().unwrap().id = 2;
        Ok(())
    }
    async fn generic<T: HasId + Send + ?Sized>(&self, of: &mut T) -> Result<(), Refused> {
        of.set(2);
        Ok(())
    }
    async fn any(&self, of: &mut (impl HasId + Send)) -> Result<(), Refused> {
        of.set(2);
        Ok(())
    }
    async fn with_token(&self, record: &mut Record, _: Token, _: Option<&str>) -> Result<u64, Refused> {
        record.id = 2;
        Ok(3)
    }
    async fn dynamic(&self, of: Option<&mut (dyn HasId + Send)>) -> Result<(), Refused> {
        of.unwrap().set(2);
        Ok(())
    }
    async fn drained(&self, records: &mut Vec<Record>) -> Result<&'static str, Refused> {
        records.clear();
        Ok("drained")
    }
    async fn emptied(&self, record: &mut Option<Record>) -> Result<&'static str, Refused> {
        *record = None;
        Ok("emptied")
    }
    async fn none(&self) -> Result<Vec<u64>, Refused> {
        Ok(Vec::new())
    }
    async fn asynchronous(&self, record: Arc<tokio::sync::Mutex<Record>>) -> Result<(), Refused> {
        record.lock().await.id = 2;
        Ok(())
    }
    async fn asynchronously_emptied(&self, record: &tokio::sync::Mutex<Option<Record>>) -> Result<(), Refused> {
        *record.lock().await = None;
        Ok(())
    }
    async fn stuck(&self, record: &Mutex<Record>) -> Result<(), Refused> {
        record.lock().unwrap().id = 2;
        std::future::pending().await
    }
    async fn unwrapped(&self, record: Arc<Record>) -> Result<(), Refused> {
        Arc::try_unwrap(record).map(drop).map_err(|_| Refused(false))
    }
    async fn refused(&self, record: &mut Record, certainly: bool) -> Result<(), Refused> {
        record.id = 2;
        Err(Refused(certainly))
    }
}

type Caching = CachingStore<Moving>;

async fn filled() -> Caching {
    let store = CachingStore::new(Arc::new(Moving), &Cache::single_instance());
    for id in 0..5 {
        store.load(id).await.unwrap();
        store.named(id, "n", None).await.unwrap();
    }
    store
}

/// The invalidated entries of `load`.
fn stale(store: &Caching) -> Vec<u64> {
    (0..5).filter(|id| store.peek_load(*id).is_none()).collect()
}

fn one() -> Record {
    Record { id: 1 }
}

#[tokio::test]
async fn a_key_behind_an_exclusive_reference() {
    let store = filled().await;
    let mut record = one();
    store.exclusive(&mut record).await.unwrap();
    assert_eq!((stale(&store), record.id), (vec![1, 2], 2));

    let store = filled().await;
    store.optional(Some(&mut one())).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);

    let store = filled().await;
    store.pinned(Pin::new(&mut one())).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);

    let store = filled().await;
    store.slice(&mut [one(), Record { id: 4 }]).await.unwrap();
    assert_eq!(stale(&store), [1, 2, 4]);

    let store = filled().await;
    Store::list(&store, &mut vec![one()]).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);
}

#[tokio::test]
async fn a_key_of_a_generic_parameter() {
    let store = filled().await;
    store.generic(&mut one()).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);

    let store = filled().await;
    store.generic::<dyn HasIdAndSend>(&mut one()).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);

    let store = filled().await;
    Store::any(&store, &mut one()).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);
}

trait HasIdAndSend: HasId + Send {}
impl<T: HasId + Send> HasIdAndSend for T {}

/// If the call consumes the reference, the whole method is invalidated.
#[tokio::test]
async fn a_key_behind_a_reference_that_the_call_takes() {
    let store = filled().await;
    store.taken((&mut one(), 0)).await.unwrap();
    assert_eq!(stale(&store), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_key_behind_shared_references_and_handles() {
    let store = filled().await;
    store.shared(&AtomicU64::new(1)).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);

    let store = filled().await;
    store.handle(Arc::new(Mutex::new(one()))).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);
}

/// A trait object cannot be reborrowed for longer than it is lent.
#[tokio::test]
async fn a_key_behind_an_optional_reference_to_a_trait_object() {
    let store = filled().await;
    store.dynamic(Some(&mut one())).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);
}

/// The write is committed: the caller receives its answer, and the whole method is invalidated.
#[tokio::test]
async fn a_target_that_panics_after_the_call() {
    let store = filled().await;
    assert_eq!(store.drained(&mut vec![one()]).await.unwrap(), "drained");
    assert_eq!(stale(&store), [0, 1, 2, 3, 4]);
    assert!((0..5).all(|id| store.peek_named(id, "n", None).is_none()));

    let store = filled().await;
    assert_eq!(store.emptied(&mut Some(one())).await.unwrap(), "emptied");
    assert_eq!(stale(&store), [0, 1, 2, 3, 4]);

    let store = filled().await;
    assert_eq!(store.none().await.unwrap(), [0; 0]);
    assert_eq!(stale(&store), [0, 1, 2, 3, 4]);

    let store = filled().await;
    store.asynchronously_emptied(&tokio::sync::Mutex::new(Some(one()))).await.unwrap();
    assert_eq!(stale(&store), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_key_behind_a_lock_that_is_awaited() {
    let store = filled().await;
    store.asynchronous(Arc::new(tokio::sync::Mutex::new(one()))).await.unwrap();
    assert_eq!(stale(&store), [1, 2]);
}

/// The new key is unknown, so the whole method is invalidated.
#[tokio::test]
async fn a_caller_dropped_after_the_store_changed_a_key_behind_a_lock() {
    let (store, record) = (filled().await, Mutex::new(one()));
    let write = store.stuck(&record);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(10), write).await.is_err());
    assert!(stale(&store).contains(&2));

    let (store, record) = (filled().await, Mutex::new(one()));
    let guard = store.begin_stuck(&record).await;
    record.lock().unwrap().id = 2;
    guard.committed().await;
    assert!(stale(&store).contains(&2));
}

/// The decorator keeps no clone of an `Arc` without interior mutability.
#[tokio::test]
async fn a_store_may_take_the_content_of_an_arc() {
    let store = filled().await;
    store.unwrapped(Arc::new(one())).await.unwrap();
    assert_eq!(stale(&store), [1]);
}

#[tokio::test]
async fn changed_parameters_combine_with_owned_parameters_and_the_result() {
    let store = filled().await;
    store.with_token(&mut one(), Token { name: "n".to_owned() }, None).await.unwrap();
    assert_eq!(stale(&store), [3]);
    let named: Vec<u64> = (0..5).filter(|id| store.peek_named(*id, "n", None).is_none()).collect();
    assert_eq!(named, [1, 2]);
}

#[tokio::test]
async fn a_failed_write_invalidates_nothing_more() {
    let store = filled().await;
    store.refused(&mut one(), true).await.unwrap_err();
    assert!(!stale(&store).contains(&2));
    let store = filled().await;
    store.refused(&mut one(), false).await.unwrap_err();
    assert!(stale(&store).contains(&2), "the outcome is unknown");
}

/// Two instances and a shared tier: neither instance answers from either tier.
#[tokio::test]
async fn the_other_instance_reads_the_new_entry() {
    for reader in 0..2 {
        let clock = ManualClock::new();
        let remote = MemoryRemote::with_clock(clock.clone());
        let mut stores = Vec::new();
        for _ in 0..2 {
            let cache = Cache::builder().clock(clock.clone()).remote(ChaosRemote::new(remote.clone())).build().unwrap();
            stores.push((CachingStore::new(Arc::new(Moving), &cache), cache.clone()));
            assert!(cache.connected(std::time::Duration::from_secs(20)).await);
        }
        for (store, _) in &stores {
            store.load(2).await.unwrap();
        }
        crate::coherence::sync_points::until("a fill", || {
            stores.iter().any(|(_, cache)| cache.stats().method("Store", "load").fills > 0)
        })
        .await;
        stores[0].0.exclusive(&mut one()).await.unwrap();
        let (store, cache) = &stores[reader];
        crate::coherence::sync_points::until("the message", || store.peek_load(2).is_none()).await;
        let misses = || cache.stats().method("Store", "load").misses;
        let before = misses();
        store.load(2).await.unwrap();
        assert_eq!(misses(), before + 1, "instance {reader}: neither tier has the old entry");
    }
}
