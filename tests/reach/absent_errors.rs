//! Stores that report an absence as an error.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, MemoryRemote, cached_store};

use super::support::{Calls, each_cache, eventually, settled, two_instances};

/// Not `Clone`: the error of an absence is made anew.
#[derive(Debug, PartialEq)]
pub(super) enum Failed {
    NotFound { tenant: u64, name: String },
    Offline,
}

fn is_not_found(error: &Failed) -> bool {
    matches!(error, Failed::NotFound { .. })
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "it takes the parts of the key as the macro passes them")]
fn not_found(tenant: &u64, name: &&str) -> Failed {
    Failed::NotFound { tenant: *tenant, name: (*name).to_owned() }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as above")]
fn owned_not_found(name: &str, tenant: &u64) -> Failed {
    Failed::NotFound { tenant: *tenant, name: name.to_owned() }
}

#[cached_store(namespace = "reach:absent")]
pub(super) trait Flags: Send + Sync {
    #[cached(
        entity = "flag", key(tenant, name), ttl = "5m", negative_ttl = "30s", absent_if = is_not_found,
        absent_as = not_found, cache_if = is_small
    )]
    async fn flag(&self, tenant: u64, name: &str) -> Result<u64, Failed>;

    #[cached(batch = flag)]
    async fn flags(&self, tenant: u64, names: &[String]) -> Result<HashMap<String, u64>, Failed>;

    #[cached(
        entity = "inline", key(name, tenant), ttl = "5m", negative_ttl = "30s", absent_if = is_not_found,
        absent_as = owned_not_found, load = inline
    )]
    async fn inline(&self, tenant: u64, name: String) -> Result<u64, Failed>;

    #[invalidates(flag(tenant, name))]
    async fn set(&self, tenant: u64, name: &str) -> Result<(), Failed>;

    #[invalidates(inline(old.to_string(), tenant), reads(old = flag(tenant, name)))]
    async fn remove(&self, tenant: u64, name: &str) -> Result<(), Failed>;
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as above, for the value")]
fn is_small(value: &u64) -> bool {
    *value < 100
}

#[derive(Default)]
struct Store {
    calls: Calls,
    offline: AtomicBool,
    exists: AtomicBool,
}

impl Store {
    fn answer(&self, tenant: u64, name: &str) -> Result<u64, Failed> {
        self.calls.add();
        match name {
            _ if self.offline.load(Ordering::Relaxed) => Err(Failed::Offline),
            "large" => Ok(1000),
            "there" => Ok(tenant),
            _ if self.exists.load(Ordering::Relaxed) => Ok(tenant),
            name => Err(Failed::NotFound { tenant, name: name.to_owned() }),
        }
    }
}

impl Flags for Store {
    async fn flag(&self, tenant: u64, name: &str) -> Result<u64, Failed> {
        tokio::task::yield_now().await;
        self.answer(tenant, name)
    }
    async fn flags(&self, tenant: u64, names: &[String]) -> Result<HashMap<String, u64>, Failed> {
        self.calls.add();
        Ok(names.iter().filter(|name| *name == "there").map(|name| (name.clone(), tenant)).collect())
    }
    async fn inline(&self, tenant: u64, name: String) -> Result<u64, Failed> {
        self.answer(tenant, &name)
    }
    async fn set(&self, _: u64, _: &str) -> Result<(), Failed> {
        self.exists.store(true, Ordering::Relaxed);
        Ok(())
    }
    async fn remove(&self, _: u64, _: &str) -> Result<(), Failed> {
        Ok(())
    }
}

type Caching = CachingFlags<Store>;

async fn over(cache: &Cache) -> Caching {
    let store = CachingFlags::new(Arc::default(), cache);
    settled(cache).await;
    store
}

fn missing(name: &str) -> Result<u64, Failed> {
    Err(Failed::NotFound { tenant: 1, name: name.to_owned() })
}

#[tokio::test]
async fn an_error_that_is_an_absence_is_cached_and_returned_by_hits() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let calls = || store.backing().calls.count();
        for _ in 0..3 {
            assert_eq!(store.flag(1, "gone").await, missing("gone"));
            assert_eq!(store.flag(1, "there").await, Ok(1));
            assert_eq!(Flags::flag(&store, 1, "gone").await, missing("gone"));
            assert_eq!(store.inline(1, "gone".to_owned()).await, missing("gone"));
        }
        assert_eq!(calls(), 3, "one load for each key");
        assert_eq!((store.peek_flag(1, "gone"), store.peek_flag(1, "there")), (Some(None), Some(Some(1))));
        store.set(1, "gone").await.unwrap();
        assert_eq!(store.flag(1, "gone").await, Ok(1));
    }
}

/// An error that is no absence leaves the row unknown, and the write invalidates whole methods.
#[tokio::test]
async fn an_old_row_that_is_reported_missing_names_nothing() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let is_cached = || store.peek_inline(1, "there".to_owned()).is_some();
        store.inline(1, "there".to_owned()).await.unwrap();
        store.remove(1, "gone").await.unwrap();
        assert!(is_cached());
        store.backing().offline.store(true, Ordering::Relaxed);
        store.remove(1, "gone").await.unwrap();
        assert!(!is_cached());
    }
}

#[tokio::test]
async fn any_other_error_is_not_cached() {
    let store = over(&Cache::single_instance()).await;
    store.backing().offline.store(true, Ordering::Relaxed);
    for call in 1..3 {
        assert_eq!(store.flag(1, "gone").await, Err(Failed::Offline));
        assert_eq!(store.backing().calls.count(), call);
    }
}

#[tokio::test]
async fn values_and_absences_pass_through_the_other_options() {
    let store = over(&Cache::single_instance()).await;
    for call in 1..3 {
        assert_eq!(store.flag(1, "large").await, Ok(1000));
        assert_eq!(store.backing().calls.count(), call, "`cache_if` is asked about values");
    }
}

#[tokio::test]
async fn another_instance_reads_the_absence_in_the_shared_tier() {
    for [one, two] in two_instances().await {
        let (first, second) = (over(&one).await, over(&two).await);
        assert_eq!(first.flag(1, "gone").await, missing("gone"));
        eventually("the absence is filled", || one.stats().method("Flags", "flag").fills == 1).await;
        assert_eq!(second.flag(1, "gone").await, missing("gone"));
        assert_eq!(second.backing().calls.count(), 0);
    }
}

#[tokio::test]
async fn an_absence_lives_for_its_own_time() {
    let clock = ManualClock::new();
    let remote = MemoryRemote::with_clock(clock.clone());
    let cache = Cache::builder().clock(clock.clone()).remote(remote).build().unwrap();
    let store = over(&cache).await;
    store.flag(1, "gone").await.unwrap_err();
    store.flag(1, "there").await.unwrap();
    eventually("both are filled", || cache.stats().method("Flags", "flag").fills == 2).await;
    clock.advance(Duration::from_secs(31));
    settled(&cache).await;
    store.flag(1, "there").await.unwrap();
    assert_eq!(store.backing().calls.count(), 2);
    store.flag(1, "gone").await.unwrap_err();
    assert_eq!(store.backing().calls.count(), 3);
}

/// The error type is not `Clone`, and the followers receive it nevertheless.
#[tokio::test]
async fn callers_of_one_flight_share_the_absence() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let answers = futures_util::future::join_all((0..5).map(|_| store.flag(1, "gone"))).await;
        assert!(answers.into_iter().all(|answer| answer == missing("gone")));
        assert!(store.backing().calls.count() <= 2);
    }
}

#[tokio::test]
async fn a_key_that_a_batch_leaves_out_is_an_absence() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let names = ["gone", "there"].map(str::to_owned);
        for _ in 0..2 {
            assert_eq!(store.flags(1, &names).await, Ok(HashMap::from([("there".to_owned(), 1)])));
        }
        assert_eq!(store.flag(1, "gone").await, missing("gone"));
        assert_eq!(store.backing().calls.count(), 1);
    }
}
