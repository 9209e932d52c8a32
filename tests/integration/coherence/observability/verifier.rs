//! The verifier compares a sample of the hits with the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, Error, MemoryRemote, MethodStats, ReadPolicy};
use tokio::sync::Semaphore;

use super::super::register::{CachingRegister, Rows, Stop};
use super::super::sync_points::until;
use super::recorder::Recorder;

const CHECKS: &str = "cache.verifier.checks.total";

/// A store behind a cache that verifies one in N hits.
struct Checked {
    clock: ManualClock,
    rows: Arc<Rows>,
    cache: Cache,
    store: CachingRegister<Rows>,
}

impl Checked {
    async fn one_in(hits: u32) -> Self {
        let clock = ManualClock::new();
        let remote = MemoryRemote::with_clock(clock.clone());
        let builder = Cache::builder().clock(clock.clone()).lease(Duration::from_mins(10)).without(None);
        let cache = builder.verify_one_in(hits).remote(remote).build().unwrap();
        let rows = Arc::<Rows>::default();
        let store = CachingRegister::new(Arc::clone(&rows), &cache);
        assert!(cache.connected(Duration::from_secs(20)).await);
        Self { clock, rows, cache, store }
    }

    /// Puts a value into the local tier.
    async fn cached(&self, key: u64, value: u64) {
        self.rows.seed(key, value);
        assert_eq!(self.store.get(key).await, Ok(Some(value)));
    }

    fn stats(&self) -> MethodStats {
        self.cache.stats().method("Register", "get")
    }

    async fn checked(&self, what: &str, count: impl Fn(&MethodStats) -> u64) {
        until(what, || count(&self.stats()) == 1).await;
        let stats = self.stats();
        let all = stats.verified_equal + stats.verified_stale + stats.verified_raced + stats.verified_failed;
        assert_eq!(all, 1, "one hit was checked: {stats:?}");
    }
}

#[tokio::test]
async fn a_hit_that_the_store_confirms_is_equal() {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let checked = Checked::one_in(1).await;
    checked.cached(1, 10).await;
    let loads = checked.rows.loads();
    assert_eq!(checked.store.get(1).await, Ok(Some(10)));
    checked.checked("it is confirmed", |stats| stats.verified_equal).await;
    assert_eq!(checked.rows.loads(), loads + 1);
    assert_eq!(checked.stats().loads, 1, "a check is not counted as a load");
    checked.cache.publish_metrics();
    assert_eq!(recorder.count(CHECKS, &[("method", "get"), ("result", "equal")]), 1);
    assert!(recorder.recorded("cache.verifier.staleness", &[("method", "get")]).is_empty());
}

/// The verifier finds rows written without the decorator, and reports how long old values answered.
///
/// Fails if the verifier compares and does not watch.
#[tokio::test]
async fn a_write_without_the_decorator_is_detected_and_timed() {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let checked = Checked::one_in(1).await;
    checked.cached(1, 10).await;
    checked.rows.seed(1, 20);
    let loads = checked.rows.loads();
    assert_eq!(checked.store.get(1).await, Ok(Some(10)), "the caller gets the value of the local tier");
    until("the store was read", || checked.rows.loads() > loads).await;
    // The verifier watches the key while the old value still answers.
    for _ in 0..20 {
        checked.clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
        assert_eq!(checked.store.peek_get(1), Some(Some(10)));
    }
    assert_eq!(checked.stats().verified_stale, 0, "the duration is not known yet");
    checked.store.invalidate_get(1).await;
    until("the end is seen", || {
        checked.clock.advance(Duration::from_millis(1));
        checked.stats().verified_stale == 1
    })
    .await;
    let micros = checked.stats().verified_stale_micros;
    assert!((2_000_000..2_500_000).contains(&micros), "two seconds, and the pause between two looks: {micros} µs");
    checked.cache.publish_metrics();
    assert_eq!(recorder.count(CHECKS, &[("method", "get"), ("result", "stale")]), 1);
    let found = recorder.recorded("cache.verifier.staleness", &[("method", "get")]);
    assert!(matches!(found[..], [seconds] if (2.0..2.5).contains(&seconds)), "{found:?}");
}

/// A value replaced normally during the verifier's read does not count as stale.
///
/// Fails if the verifier does not look at the local tier again after its read.
#[tokio::test]
async fn an_entry_replaced_meanwhile_is_raced_and_not_stale() {
    let checked = Checked::one_in(1).await;
    checked.cached(1, 10).await;
    let point = checked.rows.stop_next(Stop::AfterRead);
    checked.rows.seed(1, 20);
    assert_eq!(checked.store.get(1).await, Ok(Some(10)));
    point.reached().await;
    checked.store.invalidate_get(1).await;
    point.open();
    checked.checked("it is raced", |stats| stats.verified_raced).await;
}

#[tokio::test]
async fn a_store_that_fails_or_panics_yields_no_verdict() {
    let checked = Checked::one_in(1).await;
    checked.cached(1, 10).await;
    checked.rows.fails.store(true, Ordering::SeqCst);
    assert_eq!(checked.store.get(1).await, Ok(Some(10)));
    checked.checked("it failed", |stats| stats.verified_failed).await;
    checked.rows.panics.store(true, Ordering::SeqCst);
    assert_eq!(checked.store.get(1).await, Ok(Some(10)));
    until("it panicked", || checked.stats().verified_failed == 2).await;
    assert_eq!(checked.store.get(1).await, Ok(Some(10)), "no caller sees any of it");
}

/// The verifier stops watching a value that never leaves the local tier.
///
/// Fails if the verifier compares and does not watch.
#[tokio::test]
async fn a_stale_value_is_watched_for_a_minute_at_most() {
    let checked = Checked::one_in(1).await;
    checked.cached(1, 10).await;
    checked.rows.seed(1, 20);
    assert_eq!(checked.store.get(1).await, Ok(Some(10)));
    until("it is given up", || {
        checked.clock.advance(Duration::from_millis(100));
        checked.stats().verified_stale == 1
    })
    .await;
    assert_eq!(checked.store.peek_get(1), Some(Some(10)));
    assert!(checked.stats().verified_stale_micros >= 60_000_000);
}

/// Hits of the shared tier are verified too.
#[tokio::test]
async fn a_hit_of_the_shared_tier_is_checked() {
    let remote = MemoryRemote::new();
    let rows = Arc::<Rows>::default();
    rows.seed(1, 10);
    let instance = |hits: u32| {
        let cache = Cache::builder().verify_one_in(hits).remote(remote.clone()).build().unwrap();
        (CachingRegister::new(Arc::clone(&rows), &cache), cache)
    };
    let ((writes, one), (reads, two)) = (instance(0), instance(1));
    for cache in [&one, &two] {
        assert!(cache.connected(Duration::from_secs(20)).await);
    }
    assert_eq!(writes.get(1).await, Ok(Some(10)));
    until("the value is in the shared tier", || one.stats().total().fills == 1).await;
    assert_eq!(reads.get(1).await, Ok(Some(10)));
    assert_eq!(two.stats().total().shared_hits, 1);
    until("it is confirmed", || two.stats().total().verified_equal == 1).await;
    assert_eq!(rows.loads(), 2, "one by the miss, one by the verifier");
}

/// Fails if the verifier cannot be switched off.
#[tokio::test]
async fn a_disabled_verifier_loads_nothing() {
    let checked = Checked::one_in(0).await;
    checked.cached(1, 10).await;
    let loads = checked.rows.loads();
    for _ in 0..1000 {
        assert_eq!(checked.store.get(1).await, Ok(Some(10)));
        tokio::task::yield_now().await;
    }
    assert_eq!(checked.rows.loads(), loads);
    let stats = checked.stats();
    assert_eq!((stats.verified_equal, stats.verified_failed, stats.local_hits), (0, 0, 1000));
}

/// Verifies about one in N hits, and not all of them.
///
/// Fails if every hit is sampled.
#[tokio::test]
async fn one_in_ten_is_about_a_tenth() {
    let checked = Checked::one_in(10).await;
    checked.cached(1, 10).await;
    for _ in 0..2000 {
        assert_eq!(checked.store.get(1).await, Ok(Some(10)));
        // Each check ends before the next hit, so that none is skipped.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    let checks = checked.stats().verified_equal;
    // Nine standard deviations on both sides.
    assert!((80..=320).contains(&checks), "{checks} of 2000");
}

/// However many hits there are, at most four checks run concurrently, and no caller waits.
///
/// Fails with a hundred permits.
#[tokio::test]
async fn no_more_than_four_checks_run_at_once() {
    let checked = Checked::one_in(1).await;
    let policy = ReadPolicy::new(Duration::from_mins(1));
    let region = checked.cache.region::<u64, u64>("race:hand", "checked", policy);
    let (begun, may_end) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
    let load = || {
        let (begun, may_end) = (Arc::clone(&begun), Arc::clone(&may_end));
        move || async move {
            begun.fetch_add(1, Ordering::SeqCst);
            may_end.acquire().await.unwrap().forget();
            Ok::<_, Error>(7)
        }
    };
    may_end.add_permits(1);
    assert_eq!(region.get_or_load(&1, load()).await.unwrap(), 7);
    let loads = begun.load(Ordering::SeqCst);
    for _ in 0..50 {
        assert_eq!(region.get_or_load(&1, load()).await.unwrap(), 7, "the caller waits for nothing");
        tokio::task::yield_now().await;
    }
    assert_eq!(begun.load(Ordering::SeqCst), loads + 4);
    may_end.add_permits(4);
    let equal = || checked.cache.stats().method("race:hand", "checked").verified_equal;
    until("they end", || equal() == 4).await;
    may_end.add_permits(1);
    region.get_or_load(&1, load()).await.unwrap();
    until("the next one is checked", || equal() == 5).await;
}

/// A method over many keys that does not return an optional value has no result for a deleted row.
#[tokio::test]
async fn a_row_that_a_batch_no_longer_returns_is_stale() {
    use cache_core::__macro::v1::{LoadErrors, ReadOptions};

    let checked = Checked::one_in(1).await;
    let region = checked.cache.region::<u64, u64>("race:verifier", "row", ReadPolicy::new(Duration::from_mins(5)));
    let rows = Arc::new(Mutex::new(HashMap::from([(1, 10)])));
    let read = || {
        let (rows, errors) = (Arc::clone(&rows), LoadErrors::<Error>::new(None, None));
        region.read_many(
            vec![1],
            |key| key,
            ReadOptions::new(errors),
            move |_| {
                let found = rows.lock().unwrap().clone();
                async move { Ok::<HashMap<u64, u64>, Error>(found) }
            },
        )
    };
    assert!(checked.cache.connected(Duration::from_secs(20)).await);
    read().await.unwrap();
    rows.lock().unwrap().clear();
    assert_eq!(read().await.unwrap().len(), 1, "the local tier answers");
    region.invalidate(region.scope(&&1)).await;
    until("the deleted row is found", || {
        checked.clock.advance(Duration::from_millis(1));
        let stats = checked.cache.stats().method("race:verifier", "row");
        stats.verified_stale + stats.verified_raced == 1
    })
    .await;
}

/// Each key of a batch is sampled by itself, and checked by a call of the batch method for that key alone.
#[tokio::test]
async fn each_hit_of_a_batch_is_checked() {
    let checked = Checked::one_in(1).await;
    checked.cached(1, 10).await;
    checked.cached(2, 20).await;
    checked.rows.seed(2, 21);
    assert_eq!(checked.store.get_many(&[1, 2]).await.unwrap().len(), 2);
    until("the equal one is confirmed", || checked.stats().verified_equal == 1).await;
    checked.store.invalidate_get(2).await;
    until("the stale one is found", || {
        checked.clock.advance(Duration::from_millis(1));
        checked.stats().verified_stale == 1
    })
    .await;
}
