//! R28: an empty shared tier returns while every key is in demand.
//!
//! The store is not overloaded, and nothing needs a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cache_core::testing::{ManualClock, Protection};
use cache_core::{Cache, Error, MemoryRemote, ReadPolicy, Region};
use cache_tests::RedisServer;

use super::super::sync_points::until;

const PATIENCE: Duration = Duration::from_secs(20);
/// The concurrent calls that the store can sustain.
const CAPACITY: usize = 8;
/// Several times as many concurrent readers.
const READERS: u64 = 64;
const KEYS: u64 = 1000;

/// A slow store that counts its concurrent calls.
#[derive(Default)]
struct Busy {
    calls: AtomicUsize,
    at_once: AtomicUsize,
    most: AtomicUsize,
}

impl Busy {
    async fn load(self: Arc<Self>, key: u64) -> Result<u64, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(at_once, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        Ok(key)
    }
}

async fn get(region: &Region<u64, u64>, store: &Arc<Busy>, key: u64) {
    let store = Arc::clone(store);
    let read = region.get_or_load(&key, move || store.load(key)).await;
    assert!(matches!(read, Ok(value) if value == key), "no reader notices: {read:?}");
}

/// Reads one key after the other, starting at `first`.
fn reader(
    region: &Region<u64, u64>,
    store: &Arc<Busy>,
    first: u64,
    done: &Arc<AtomicBool>,
) -> tokio::task::JoinHandle<()> {
    let (region, store, done) = (region.clone(), Arc::clone(store), Arc::clone(done));
    tokio::spawn(async move {
        let mut key = first;
        while !done.load(Ordering::SeqCst) {
            get(&region, &store, key).await;
            key = (key + 1) % KEYS;
            tokio::task::yield_now().await;
        }
    })
}

/// Waits until every key was read twice without a call of the store.
async fn nothing_but_hits(cache: &Cache, store: &Busy) {
    loop {
        let (calls, hits) = (store.calls.load(Ordering::SeqCst), cache.stats().total().shared_hits);
        until("hits return", || cache.stats().total().shared_hits > hits + 2 * KEYS).await;
        if store.calls.load(Ordering::SeqCst) == calls {
            return;
        }
    }
}

/// The maximum of concurrent store calls from a crash of Redis to the last fill.
async fn outage(without: Option<Protection>) -> usize {
    let mut server = RedisServer::start();
    let builder = Cache::builder().redis(server.url()).max_concurrent_loads(CAPACITY).without(without);
    let cache = builder.read_timeout(PATIENCE).write_timeout(PATIENCE).build().unwrap();
    let region = cache.region("race:herd", "number", ReadPolicy::new(Duration::from_mins(10)).local_off());
    let (store, done) = (Arc::<Busy>::default(), Arc::<AtomicBool>::default());
    assert!(cache.connected(PATIENCE).await);
    let readers: Vec<_> = (0..READERS).map(|at| reader(&region, &store, at * KEYS / READERS, &done)).collect();
    nothing_but_hits(&cache, &store).await;

    let calls = store.calls.load(Ordering::SeqCst);
    store.most.store(0, Ordering::SeqCst);
    server.kill();
    until("reads go to the store", || store.calls.load(Ordering::SeqCst) > calls + 100).await;
    server.restart();
    assert!(cache.connected(PATIENCE).await, "it connects again by itself");
    nothing_but_hits(&cache, &store).await;
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    store.most.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r28_the_store_is_not_overrun_after_redis_restarts_empty() {
    let most = outage(None).await;
    assert!(most <= CAPACITY, "{most} calls at once");
    let most = outage(Some(Protection::HerdGuard)).await;
    assert!(most > 2 * CAPACITY, "the control: {most} calls at once");
}

/// The time between the first and the last of many reconnections after a restart.
async fn spread(without: Option<Protection>) -> Duration {
    const STEP: Duration = Duration::from_millis(5);
    let clock = ManualClock::new();
    let remote = MemoryRemote::with_clock(clock.clone());
    let builder = || Cache::builder().remote(remote.clone()).clock(clock.clone()).without(without);
    let caches: Vec<Cache> = (0..12).map(|_| builder().lease(Duration::from_secs(10)).build().unwrap()).collect();
    for cache in &caches {
        assert!(cache.connected(PATIENCE).await, "the first connection is used at once: the clock stands still");
    }
    remote.stop();
    remote.start();
    let (mut step, mut first) = (0, None);
    loop {
        let mut back = 0;
        for cache in &caches {
            back += usize::from(cache.health().await.shared);
        }
        if back > 0 {
            first.get_or_insert(step);
        }
        if back == caches.len() {
            return STEP * (step - first.unwrap());
        }
        clock.advance(STEP);
        step += 1;
        // Every task runs before the clock advances.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn r28_instances_recover_one_after_the_other() {
    let spread_out = spread(None).await;
    assert!(spread_out > Duration::from_millis(200), "{spread_out:?}");
    assert!(spread_out <= Duration::from_secs(2), "and within a bound: {spread_out:?}");
    // The pause between two connection attempts is randomised as well.
    let together = spread(Some(Protection::HerdGuard)).await;
    assert!(together < Duration::from_millis(150), "the control: {together:?}");
}
