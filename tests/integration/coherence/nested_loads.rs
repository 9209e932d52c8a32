//! Loads that read through the cache: another key, their own key, and each other's.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use cache_core::testing::ManualClock;
use cache_core::{Cache, Error, ErrorKind, MemoryRemote, ReadPolicy, Region, cached_store};
use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::sync_points::SyncPoint;

const PATIENCE: Duration = Duration::from_secs(20);
const NAMESPACE: &str = "nested";

/// An error type without `Clone` and `From`, so it cannot represent a load timeout.
#[derive(Debug)]
struct Bare;

type Read = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send>>;

async fn in_time<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, call).await.expect("the loads wait for each other")
}

fn region(cache: &Cache, entity: &'static str) -> Region<u64, u64> {
    cache.region(NAMESPACE, entity, ReadPolicy::new(PATIENCE))
}

/// A cache whose shared tier is unreachable, which bounds the number of concurrent loads.
///
/// Its clock stands still.
fn bounded(loads: usize) -> Cache {
    let remote = MemoryRemote::new();
    remote.stop();
    let cache = Cache::builder().remote(remote).max_concurrent_loads(loads).clock(ManualClock::new());
    cache.build().unwrap()
}

#[cached_store(namespace = "nested:bare")]
#[async_trait]
trait Tree: Send + Sync {
    #[cached(entity = "node", key(id), ttl = "1m")]
    async fn node(&self, id: u64) -> Result<u64, Bare>;

    #[cached(entity = "leaf", key(id), ttl = "1m")]
    async fn leaf(&self, id: u64) -> Result<u64, Bare>;
}

/// A store that reads through its own decorator.
#[derive(Default)]
struct Plain(OnceLock<Arc<CachingTree<Plain>>>);

#[async_trait]
impl Tree for Plain {
    async fn node(&self, id: u64) -> Result<u64, Bare> {
        tokio::task::yield_now().await;
        let own = self.0.get().unwrap();
        if id == 0 { own.node(0).await } else { own.leaf(id).await }
    }

    async fn leaf(&self, id: u64) -> Result<u64, Bare> {
        tokio::task::yield_now().await;
        Ok(id)
    }
}

fn tree(cache: &Cache) -> Arc<CachingTree<Plain>> {
    let plain = Arc::<Plain>::default();
    let tree = Arc::new(CachingTree::new(Arc::clone(&plain), cache));
    assert!(plain.0.set(Arc::clone(&tree)).is_ok());
    tree
}

/// Every permit belongs to a load that reads another method.
#[tokio::test]
async fn a_load_inside_a_load_needs_no_second_permit() {
    let cache = bounded(4);
    let (outer, inner) = (region(&cache, "outer"), region(&cache, "inner"));
    let reads = (0..16).map(|key| {
        let inner = inner.clone();
        let load = move || async move { inner.get_or_load(&key, move || async move { Ok::<_, Error>(key) }).await };
        let outer = outer.clone();
        async move { outer.get_or_load(&key, load).await }
    });
    let read = in_time(join_all(reads)).await;
    assert!(read.into_iter().zip(0..).all(|(read, key)| read.unwrap() == key));

    let tree = tree(&cache);
    let read = in_time(join_all((1..17).map(|id| tree.node(id)))).await;
    assert!(read.into_iter().zip(1..).all(|(read, id)| read.unwrap() == id));
}

/// The loads with permits wait for a key whose own load needs a permit.
#[tokio::test]
async fn a_load_awaited_by_another_needs_no_permit() {
    let cache = bounded(1);
    let (outer, inner) = (region(&cache, "outer"), region(&cache, "inner"));
    let read_inner =
        |inner: Region<u64, u64>| async move { inner.get_or_load(&7, || async { Ok::<_, Error>(7) }).await };
    let (reached, open) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let holding = {
        let (outer, inner, reached, open) = (outer.clone(), inner.clone(), Arc::clone(&reached), Arc::clone(&open));
        tokio::spawn(async move {
            let load = move || async move {
                reached.notify_one();
                open.notified().await;
                read_inner(inner).await
            };
            outer.get_or_load(&1, load).await
        })
    };
    reached.notified().await;
    let waiting = tokio::spawn(read_inner(inner.clone()));
    while inner.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished(), "there is one permit");
    open.notify_one();
    assert_eq!(in_time(holding).await.unwrap().unwrap(), 7);
    assert_eq!(in_time(waiting).await.unwrap().unwrap(), 7);
}

/// The read of a spawned task is not recognized as nested. Fails if such a read waits for a permit without end.
#[tokio::test]
async fn a_load_that_reads_from_its_own_task_ends() {
    let (remote, clock) = (MemoryRemote::new(), ManualClock::new());
    remote.stop();
    let builder = Cache::builder().remote(remote).max_concurrent_loads(4).load_deadline(Duration::from_mins(10));
    let cache = builder.clock(clock.clone()).build().unwrap();
    let (outer, inner) = (region(&cache, "outer"), region(&cache, "inner"));
    let reads: Vec<_> = (0..8)
        .map(|key| {
            let (outer, inner) = (outer.clone(), inner.clone());
            let load = move || async move {
                let read = async move { inner.get_or_load(&key, move || async move { Ok::<_, Error>(key) }).await };
                tokio::spawn(read).await.unwrap()
            };
            tokio::spawn(async move { outer.get_or_load(&key, load).await })
        })
        .collect();
    let began = clock.elapsed();
    let passing = async {
        while !reads.iter().all(tokio::task::JoinHandle::is_finished) {
            clock.advance(Duration::from_millis(100));
            settle().await;
        }
    };
    in_time(passing).await;
    for (read, key) in reads.into_iter().zip(0..) {
        assert_eq!(read.await.unwrap().unwrap(), key);
    }
    let took = clock.elapsed().saturating_sub(began);
    assert!(took < Duration::from_secs(30), "{took:?}");
}

/// A load that reads its own key `depth` times and then returns a value.
fn own(region: Region<u64, u64>, depth: u32) -> Read {
    Box::pin(async move {
        let again = region.clone();
        let load = move || async move { if depth == 0 { Ok(5) } else { own(again, depth - 1).await } };
        region.get_or_load(&1, load).await
    })
}

/// Two keys whose loads read each other.
fn ring(region: Region<u64, u64>, key: u64) -> Read {
    Box::pin(async move {
        let again = region.clone();
        region.get_or_load(&key, move || ring(again, 1 - key)).await
    })
}

#[tokio::test]
async fn a_load_that_reads_its_own_key_is_loaded_directly_or_refused() {
    for cache in [Cache::single_instance(), Cache::builder().remote(MemoryRemote::new()).build().unwrap()] {
        assert_eq!(in_time(own(region(&cache, "own"), 1)).await.unwrap(), 5);
        let error = in_time(own(region(&cache, "endless"), 100)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LoadRecursion, "{error}");
        let error = in_time(ring(region(&cache, "ring"), 0)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LoadRecursion, "{error}");
    }
}

/// The error type cannot represent a recursion, so the caller panics.
#[tokio::test]
async fn a_recursion_is_detected_for_any_error_type() {
    let cache = Cache::single_instance();
    let tree = tree(&cache);
    let read = tokio::spawn(async move { tree.node(0).await });
    let panic = in_time(read).await.unwrap_err().into_panic();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("reads its own key"), "{text}");
}

/// A cache whose deadlines are too long to end a wait here.
fn patient() -> Cache {
    Cache::builder().remote(MemoryRemote::new()).load_deadline(Duration::from_mins(10)).build().unwrap()
}

/// The loads of two concurrent callers read each other's keys.
#[tokio::test]
async fn loads_of_different_callers_do_not_wait_for_each_other() {
    let cache = patient();
    let (region, both) = (region(&cache, "crossing"), Arc::new(Barrier::new(2)));
    let read = |key: u64, other: u64| {
        let (region, again, both) = (region.clone(), region.clone(), Arc::clone(&both));
        tokio::spawn(async move {
            let load = move || async move {
                both.wait().await;
                again.get_or_load(&other, move || async move { Ok::<_, Error>(other) }).await
            };
            region.get_or_load(&key, load).await
        })
    };
    let [first, second] = [read(1, 2), read(2, 1)];
    let values = [in_time(first).await.unwrap().unwrap(), in_time(second).await.unwrap().unwrap()];
    // One of them loads the other's key itself, and the other one takes the result.
    assert!(values == [1, 1] || values == [2, 2], "{values:?}");
}

/// The same with a third caller in between that has no load of its own.
#[tokio::test]
async fn a_load_does_not_wait_for_a_follower_of_its_own_flight() {
    let cache = patient();
    let (region, point) = (region(&cache, "between"), Arc::new(SyncPoint::new()));
    let loading = {
        let (region, again, point) = (region.clone(), region.clone(), Arc::clone(&point));
        tokio::spawn(async move {
            let load = move || async move {
                point.pass().await;
                again.get_or_load(&1, || async { Ok::<_, Error>(10) }).await
            };
            region.get_or_load(&2, load).await
        })
    };
    point.reached().await;
    let between = {
        let region = region.clone();
        tokio::spawn(async move { region.get_or_load(&2, || async { Ok::<_, Error>(20) }).await })
    };
    settle().await;
    let last = {
        let again = region.clone();
        tokio::spawn(async move {
            let load = move || async move { again.get_or_load(&2, || async { Ok::<_, Error>(30) }).await };
            region.get_or_load(&1, load).await
        })
    };
    settle().await;
    point.open();
    for read in [loading, between, last] {
        assert_eq!(in_time(read).await.unwrap().unwrap(), 10, "the value that the first load read");
    }
}

/// Lets the other tasks of the runtime run until they all wait.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[cached_store(namespace = "nested:batches")]
#[async_trait]
trait Shelf: Send + Sync {
    #[cached(entity = "book", key(id), ttl = "1m")]
    async fn book(&self, id: u64) -> Result<Option<u64>, Bare>;

    #[cached(batch = book)]
    async fn books(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Bare>;
}

/// Reads more than one book in two halves, through its own decorator.
#[derive(Default)]
struct Halving(OnceLock<Arc<CachingShelf<Self>>>);

#[async_trait]
impl Shelf for Halving {
    async fn book(&self, id: u64) -> Result<Option<u64>, Bare> {
        Ok(Some(id))
    }

    async fn books(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Bare> {
        let own = self.0.get().unwrap();
        if let [id] = *ids {
            return Ok(HashMap::from([(id, id)]));
        }
        let (left, right) = ids.split_at(ids.len() / 2);
        let mut found = own.books(left).await?;
        found.extend(own.books(right).await?);
        Ok(found)
    }
}

/// Each key is in five nested loads. Fails if that counts as an endless recursion.
#[tokio::test]
async fn a_load_of_many_keys_may_read_parts_of_them() {
    let halving = Arc::<Halving>::default();
    let shelf = Arc::new(CachingShelf::new(Arc::clone(&halving), &patient()));
    assert!(halving.0.set(Arc::clone(&shelf)).is_ok());
    let ids: Vec<u64> = (0..16).collect();
    let read = tokio::spawn(async move { shelf.books(&ids).await });
    assert_eq!(in_time(read).await.unwrap().unwrap().len(), 16);
}

/// A store whose batches read each other.
///
/// The batch of 1 and 2 reads 3, and 3 reads a batch of 2 and 4. The first two calls begin together.
struct Crossing {
    decorated: OnceLock<Arc<CachingShelf<Self>>>,
    calls: AtomicUsize,
    both: Barrier,
}

impl Crossing {
    async fn begin(&self) -> &CachingShelf<Self> {
        if self.calls.fetch_add(1, Ordering::SeqCst) < 2 {
            self.both.wait().await;
        }
        self.decorated.get().unwrap()
    }
}

#[async_trait]
impl Shelf for Crossing {
    async fn book(&self, id: u64) -> Result<Option<u64>, Bare> {
        self.begin().await.books(&[2, 4]).await?;
        Ok(Some(id))
    }

    async fn books(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Bare> {
        if ids.contains(&1) {
            self.begin().await.book(3).await?;
        }
        Ok(ids.iter().map(|id| (*id, *id)).collect())
    }
}

/// The error type cannot represent a deadline either.
#[tokio::test]
async fn crossing_loads_of_batches_do_not_wait_for_each_other() {
    let crossing = Arc::new(Crossing { decorated: OnceLock::new(), calls: AtomicUsize::new(0), both: Barrier::new(2) });
    let shelf = Arc::new(CachingShelf::new(Arc::clone(&crossing), &patient()));
    assert!(crossing.decorated.set(Arc::clone(&shelf)).is_ok());
    let batch = {
        let shelf = Arc::clone(&shelf);
        tokio::spawn(async move { shelf.books(&[1, 2]).await })
    };
    let single = tokio::spawn(async move { shelf.book(3).await });
    assert_eq!(in_time(batch).await.unwrap().unwrap(), HashMap::from([(1, 1), (2, 2)]));
    assert_eq!(in_time(single).await.unwrap().unwrap(), Some(3));
}
