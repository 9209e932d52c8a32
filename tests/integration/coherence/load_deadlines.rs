//! `load_deadline`: how long a load of one method may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, ErrorKind, MemoryRemote, cached_store};

use super::freshness::{LEASE, PATIENCE, seconds};
use super::sync_points::{pass, until};

type Outcome = Result<u64, cache_core::Error>;

#[cached_store(namespace = "race:deadlines")]
trait Slow: Send + Sync {
    #[cached(entity = "own", key(key), ttl = "100s", jitter = 0, refresh_after = "80s", load_deadline = "5s")]
    async fn own(&self, key: u64) -> Result<u64, cache_core::Error>;

    #[cached(batch = own)]
    async fn many(&self, keys: &[u64]) -> Result<std::collections::HashMap<u64, u64>, cache_core::Error>;

    #[cached(entity = "other", key(key), ttl = "100s")]
    async fn other(&self, key: u64) -> Result<u64, cache_core::Error>;

    #[cached(entity = "silent", key(key), ttl = "100s", load_deadline = "5s")]
    async fn silent(&self, key: u64) -> Result<u64, String>;
}

#[derive(Debug, Default)]
struct Store {
    hangs: AtomicBool,
    calls: AtomicU64,
}

impl Store {
    async fn answer(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        1
    }
}

impl Slow for Store {
    async fn own(&self, _: u64) -> Outcome {
        Ok(self.answer().await)
    }

    async fn many(&self, keys: &[u64]) -> Result<std::collections::HashMap<u64, u64>, cache_core::Error> {
        let answer = self.answer().await;
        Ok(keys.iter().map(|key| (*key, answer)).collect())
    }

    async fn other(&self, _: u64) -> Outcome {
        Ok(self.answer().await)
    }

    async fn silent(&self, _: u64) -> Result<u64, String> {
        Ok(self.answer().await)
    }
}

/// A store behind a cache whose own deadline is 30 s.
fn world() -> (ManualClock, Cache, CachingSlow<Store>) {
    let clock = ManualClock::new();
    let cache = Cache::single_instance_with_clock(clock.clone());
    let store = CachingSlow::new(Arc::<Store>::default(), &cache);
    (clock, cache, store)
}

/// The whole seconds after which a call has ended, and its result.
async fn ended<T: Send + 'static>(clock: &ManualClock, call: impl Future<Output = T> + Send + 'static) -> (u64, T) {
    let call = tokio::spawn(call);
    pass(clock, Duration::ZERO).await;
    for second in 0..60 {
        if call.is_finished() {
            return (second, call.await.unwrap());
        }
        pass(clock, seconds(1)).await;
    }
    panic!("the call does not end");
}

#[tokio::test]
async fn a_load_ends_by_the_deadline_of_its_method() {
    let (clock, _, store) = world();
    store.backing().hangs.store(true, Ordering::SeqCst);
    let own = store.clone();
    let (after, result) = ended(&clock, async move { own.own(1).await }).await;
    assert_eq!((after, result.map_err(|error| error.kind())), (5, Err(ErrorKind::LoadTimedOut)));
    let many = store.clone();
    let (after, result) = ended(&clock, async move { many.many(&[1, 2]).await }).await;
    assert_eq!((after, result.map_err(|error| error.kind())), (5, Err(ErrorKind::LoadTimedOut)));
    let (after, _) = ended(&clock, async move { store.other(1).await }).await;
    assert_eq!(after, 30, "another method has that of the cache");
}

#[tokio::test]
async fn a_deadline_of_zero_is_a_millisecond_like_that_of_the_cache() {
    let clock = ManualClock::new();
    let builder = Cache::builder().clock(clock.clone()).lease(LEASE).load_deadline(Duration::ZERO);
    let cache = builder.remote(MemoryRemote::with_clock(clock.clone())).build().unwrap();
    assert!(cache.connected(PATIENCE).await);
    let zero = CachingSlow::builder(Arc::<Store>::default(), &cache).own(|policy| policy.load_deadline(Duration::ZERO));
    let store = zero.build();
    store.backing().hangs.store(true, Ordering::SeqCst);
    let calls: [std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>; 2] = {
        let (own, other) = (store.clone(), store.clone());
        [Box::pin(async move { own.own(1).await }), Box::pin(async move { other.other(1).await })]
    };
    for call in calls {
        let call = tokio::spawn(call);
        pass(&clock, Duration::ZERO).await;
        pass(&clock, Duration::from_micros(900)).await;
        assert!(!call.is_finished());
        pass(&clock, Duration::from_micros(100)).await;
        assert!(call.is_finished());
    }
}

#[tokio::test]
async fn a_refresh_has_the_deadline_of_its_method() {
    let (clock, cache, store) = world();
    assert_eq!(store.own(1).await.unwrap(), 1);
    clock.advance(seconds(81));
    store.backing().hangs.store(true, Ordering::SeqCst);
    assert_eq!(store.own(1).await.unwrap(), 1);
    let stats = || cache.stats().method("Slow", "own");
    until("the refresh has begun", || stats().refreshes == 1).await;
    pass(&clock, seconds(4)).await;
    assert_eq!(stats().refresh_errors, 0);
    pass(&clock, seconds(1)).await;
    until("the refresh has ended", || stats().refresh_errors == 1).await;
}

#[tokio::test]
async fn a_follower_waits_for_the_deadline_of_the_method_if_its_error_type_cannot_report_it() {
    let (clock, _, store) = world();
    store.backing().hangs.store(true, Ordering::SeqCst);
    let calls = [store.clone(), store.clone()].map(|store| tokio::spawn(async move { store.silent(1).await }));
    let asked = |calls| move |store: &CachingSlow<Store>| store.backing().calls.load(Ordering::SeqCst) == calls;
    until("one of them has called the store", || asked(1)(&store)).await;
    pass(&clock, seconds(4)).await;
    assert!(asked(1)(&store));
    pass(&clock, seconds(1)).await;
    until("the follower calls it as well", || asked(2)(&store)).await;
    calls.iter().for_each(tokio::task::JoinHandle::abort);
}
