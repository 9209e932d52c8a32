//! Warming: many keys are read before any caller asks for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, MemoryRemote, ReadPolicy, Warmed, cached_store};
use tokio::sync::Semaphore;

use super::sync_points::until;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failed {
    Missing,
    Broken,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it takes a reference to each part")]
fn missing(_: &u64) -> Failed {
    Failed::Missing
}

fn is_missing(error: &Failed) -> bool {
    *error == Failed::Missing
}

#[cached_store(namespace = "warming")]
pub(super) trait Shelf: Send + Sync {
    #[cached(entity = "book", key(id), ttl = "1h", negative_ttl = "1h")]
    async fn book(&self, id: u64) -> Result<Option<String>, Failed>;

    #[cached(entity = "page", key(number, title, volume), ttl = "1h")]
    async fn page(&self, title: &str, number: u64, volume: Option<&str>) -> Result<String, Failed>;

    #[cached(entity = "author", key(id), ttl = "1h", negative_ttl = "1h", absent_if = is_missing, absent_as = missing)]
    async fn author(&self, id: u64) -> Result<String, Failed>;

    #[cached(entity = "count", key(of), ttl = "1h")]
    async fn count(&self, of: String) -> u64;

    #[invalidates(book(id))]
    async fn rename(&self, id: u64, title: &str) -> Result<(), Failed>;
}

/// Books by number. Odd numbers above 1,000 are broken, and even ones missing.
struct Rows {
    titles: Mutex<HashMap<u64, String>>,
    gate: Semaphore,
    loads: AtomicU64,
    running: AtomicU64,
    most: AtomicU64,
}

impl Rows {
    fn new(open: usize) -> Arc<Self> {
        let (loads, running, most) = Default::default();
        Arc::new(Self { titles: Mutex::default(), gate: Semaphore::new(open), loads, running, most })
    }

    async fn load(&self) {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.gate.acquire().await.unwrap().forget();
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

impl Shelf for Rows {
    async fn book(&self, id: u64) -> Result<Option<String>, Failed> {
        let title = self.titles.lock().unwrap().get(&id).cloned();
        self.load().await;
        match id {
            1001.. if id % 2 == 1 => Err(Failed::Broken),
            1001.. => Ok(None),
            _ => Ok(Some(title.unwrap_or_else(|| id.to_string()))),
        }
    }

    async fn page(&self, title: &str, number: u64, volume: Option<&str>) -> Result<String, Failed> {
        self.load().await;
        Ok(format!("{title} {number} {volume:?}"))
    }

    async fn author(&self, id: u64) -> Result<String, Failed> {
        self.book(id).await?.ok_or(Failed::Missing)
    }

    async fn count(&self, of: String) -> u64 {
        self.load().await;
        of.len() as u64
    }

    async fn rename(&self, id: u64, title: &str) -> Result<(), Failed> {
        self.titles.lock().unwrap().insert(id, title.to_owned());
        Ok(())
    }
}

fn single(rows: &Arc<Rows>) -> CachingShelf<Rows> {
    CachingShelf::new(Arc::clone(rows), &Cache::single_instance_with_clock(ManualClock::new()))
}

/// Two instances on one shared tier in memory.
async fn pair(rows: &Arc<Rows>) -> [(Cache, CachingShelf<Rows>); 2] {
    let clock = ManualClock::new();
    let remote = MemoryRemote::with_clock(clock.clone());
    let cache = || {
        let builder = Cache::builder().lease(Duration::from_hours(10)).clock(clock.clone());
        builder.read_timeout(PATIENCE).write_timeout(PATIENCE).remote(remote.clone()).build().unwrap()
    };
    let pair = [cache(), cache()].map(|cache| {
        let store = CachingShelf::new(Arc::clone(rows), &cache);
        (cache, store)
    });
    for (cache, _) in &pair {
        assert!(cache.connected(PATIENCE).await);
    }
    pair
}

fn warmed(cached: u64, loaded: u64, failed: u64) -> Warmed {
    Warmed { cached, loaded, failed }
}

#[tokio::test]
async fn keys_that_no_tier_has_are_loaded_and_the_others_are_not() {
    let rows = Rows::new(usize::MAX >> 4);
    let [(one, first), (_, second)] = pair(&rows).await;
    assert_eq!(first.book(3).await, Ok(Some("3".to_owned())));
    assert_eq!(first.warm_book(0..10, 4).await, warmed(1, 9, 0));
    assert!((0..10).all(|id| first.peek_book(id).is_some()));
    until("the shared tier has all", || one.stats().method("Shelf", "book").fills == 10).await;
    assert_eq!(second.warm_book(0..12, 4).await, warmed(10, 2, 0));
    assert!((0..12).all(|id| second.peek_book(id).is_some()), "those of the shared tier are in the local tier");
    assert_eq!(rows.loads(), 12);
}

#[tokio::test]
async fn an_error_fails_and_an_absence_does_not() {
    let rows = Rows::new(usize::MAX >> 4);
    let store = single(&rows);
    assert_eq!(store.warm_book(999..1003, 2).await, warmed(0, 3, 1), "999, 1000, and the absent 1002");
    assert_eq!(store.peek_book(1002), Some(None));
    assert_eq!(store.warm_author(999..1003, 2).await, warmed(0, 3, 1));
    assert_eq!(store.warm_author([1002], 2).await, warmed(1, 0, 0), "its absence is cached");
    assert_eq!(store.warm_book([1001], 2).await, warmed(0, 0, 1), "an error is not");
}

#[tokio::test]
async fn a_key_of_several_parts_is_a_tuple_in_the_order_of_the_parameters() {
    let rows = Rows::new(usize::MAX >> 4);
    let store = single(&rows);
    let keys = [("a".to_owned(), 1, None), ("b".to_owned(), 2, Some("x".to_owned()))];
    assert_eq!(store.warm_page(keys.clone(), 1).await, warmed(0, 2, 0));
    assert_eq!(store.peek_page("b", 2, Some("x")).as_deref(), Some("b 2 Some(\"x\")"));
    assert_eq!(store.warm_count(["one".to_owned(), "two".to_owned()], 1).await, warmed(0, 2, 0));
    assert_eq!((store.count("one".to_owned()).await, rows.loads()), (3, 4));
}

#[tokio::test]
async fn the_concurrency_is_bounded_and_zero_counts_as_one() {
    for (concurrency, most) in [(0, 1), (1, 1), (7, 7), (usize::MAX, 50)] {
        let rows = Rows::new(usize::MAX >> 4);
        assert_eq!(single(&rows).warm_book(0..50, concurrency).await, warmed(0, 50, 0));
        assert_eq!(rows.most.load(Ordering::SeqCst), most, "{concurrency}");
    }
}

#[tokio::test]
async fn the_progress_is_reported_key_by_key_and_a_drop_begins_no_other() {
    let rows = Rows::new(0);
    let store = single(&rows);
    let mut warming = store.warm_book(0..50, 4);
    assert_eq!(warming.progress(), Warmed::default());
    for done in 1..=10 {
        rows.gate.add_permits(1);
        assert_eq!(warming.next().await, Some(warmed(0, done, 0)));
    }
    let begun = rows.loads();
    assert!(begun <= 14, "{begun}");
    drop(warming);
    rows.gate.add_permits(100);
    until("the loads in progress end", || rows.running.load(Ordering::SeqCst) == 0).await;
    until("they are cached", || (0..50).filter(|id| store.peek_book(*id).is_some()).count() as u64 == begun).await;
    assert_eq!(rows.loads(), begun);
    let mut rest = store.warm_book(0..50, 4);
    while rest.next().await.is_some() {}
    assert_eq!((rest.progress(), rest.next().await), (warmed(begun, 50 - begun, 0), None));
}

/// A warmed value obeys the fence: one that was read before a write is not cached.
#[tokio::test]
async fn a_write_during_the_warming_wins() {
    let rows = Rows::new(0);
    for (_, store) in pair(&rows).await {
        let warmer = store.clone();
        let warming = tokio::spawn(async move { warmer.warm_book([1], 1).await });
        until("the load has read the old row", || rows.running.load(Ordering::SeqCst) == 1).await;
        store.rename(1, "new").await.unwrap();
        rows.gate.add_permits(1);
        assert_eq!(warming.await.unwrap(), warmed(0, 1, 0));
        rows.gate.add_permits(1);
        assert_eq!(store.book(1).await, Ok(Some("new".to_owned())));
        store.rename(1, "old").await.unwrap();
    }
}

#[tokio::test]
async fn a_method_that_is_not_cached_is_not_read() {
    let rows = Rows::new(usize::MAX >> 4);
    let off = CachingShelf::builder(Arc::clone(&rows), &Cache::single_instance())
        .book(|policy: ReadPolicy| policy.enabled(false))
        .build();
    assert_eq!(off.warm_book(0..10, 4).await, Warmed::default());
    let past = CachingShelf::new(Arc::clone(&rows), &Cache::pass_through());
    assert_eq!(past.warm_book(0..10, 4).await, Warmed::default());
    assert_eq!(rows.loads(), 0);
}
