//! Snapshots of keys: a new instance reads the keys that an old one had in its local tier.

use std::collections::BTreeMap;
use std::num::Wrapping;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{
    Cache, CacheKey, ErrorKind, KeyPart, KeySnapshot, LocalEngine, MemoryRemote, ReadPolicy, Warmed, cached_store,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::sync_points::until;

const ENGINES: [LocalEngine; 2] = [LocalEngine::Quick, LocalEngine::Moka];
const PATIENCE: Duration = Duration::from_secs(20);

/// A key that is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash, CacheKey)]
struct Seat(u64);

/// A key of any depth.
#[derive(Debug, Clone, PartialEq, Eq, Hash, CacheKey, Serialize, Deserialize)]
struct Nest(Vec<Nest>);

impl Nest {
    fn of_depth(depth: usize) -> Self {
        (1..depth).fold(Self(Vec::new()), |nest, _| Self(vec![nest]))
    }
}

/// A key whose second part is not serialized, and which is not read if the first is 13.
#[derive(Debug, Clone, PartialEq, Eq, Hash, CacheKey, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
struct Odd(u64, u64);

impl From<Odd> for u64 {
    fn from(Odd(number, _): Odd) -> Self {
        number
    }
}

impl From<u64> for Odd {
    fn from(number: u64) -> Self {
        assert!(number != 13, "this number is not read");
        Self(number, 0)
    }
}

#[cached_store(namespace = "archive:keys")]
trait Archive: Send + Sync {
    #[cached(entity = "book", key(id), ttl = "1h", jitter = 0)]
    async fn book(&self, id: u64) -> String;

    #[cached(entity = "page", key(number, title, volume), ttl = "1h")]
    async fn page(&self, title: &str, number: u64, volume: Option<&str>) -> String;

    #[cached(entity = "price", key(amount), ttl = "1h")]
    async fn price(&self, amount: f64) -> String;

    #[cached(entity = "wide", key(id), ttl = "1h")]
    async fn wide(&self, id: u128) -> String;

    #[cached(entity = "label", key(pairs), ttl = "1h")]
    async fn label(&self, pairs: BTreeMap<(u8, u8), u8>) -> String;

    #[cached(entity = "nest", key(nest), ttl = "1h")]
    async fn nest(&self, nest: Nest) -> String;

    #[cached(entity = "odd", key(odd), ttl = "1h")]
    async fn odd(&self, odd: Odd) -> String;

    #[cached(entity = "seat", key(seat), ttl = "1h")]
    async fn seat(&self, seat: Seat) -> String;

    #[cached(entity = "shown", key(shown), display(shown), ttl = "1h")]
    async fn shown(&self, shown: Wrapping<u32>) -> String;
}

/// A store that returns its arguments, with the number of its calls.
#[derive(Default)]
struct Echo {
    calls: AtomicU64,
    running: AtomicU64,
    most: AtomicU64,
}

impl Echo {
    async fn answer(&self, text: String) -> String {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        text
    }
}

impl Archive for Echo {
    async fn book(&self, id: u64) -> String {
        self.answer(id.to_string()).await
    }

    async fn page(&self, title: &str, number: u64, volume: Option<&str>) -> String {
        self.answer(format!("{title} {number} {volume:?}")).await
    }

    async fn price(&self, amount: f64) -> String {
        self.answer(amount.to_string()).await
    }

    async fn wide(&self, id: u128) -> String {
        self.answer(id.to_string()).await
    }

    async fn label(&self, pairs: BTreeMap<(u8, u8), u8>) -> String {
        self.answer(pairs.len().to_string()).await
    }

    async fn nest(&self, nest: Nest) -> String {
        self.answer(nest.0.len().to_string()).await
    }

    async fn odd(&self, odd: Odd) -> String {
        self.answer(odd.0.to_string()).await
    }

    async fn seat(&self, seat: Seat) -> String {
        self.answer(seat.0.to_string()).await
    }

    async fn shown(&self, shown: Wrapping<u32>) -> String {
        self.answer(shown.to_string()).await
    }
}

type Books = CachingArchive<Echo>;

fn alone(clock: &ManualClock) -> Books {
    CachingArchive::new(Arc::default(), &Cache::single_instance_with_clock(clock.clone()))
}

/// A decorator with this engine for books and pages.
fn on(engine: LocalEngine, clock: &ManualClock) -> Books {
    CachingArchive::builder(Arc::default(), &Cache::single_instance_with_clock(clock.clone()))
        .book(move |policy: ReadPolicy| policy.local_engine(engine))
        .page(move |policy: ReadPolicy| policy.local_engine(engine))
        .build()
}

/// An instance that shares a tier in memory with others.
async fn sharing(remote: &MemoryRemote, clock: &ManualClock) -> (Cache, Books) {
    let builder = Cache::builder().lease(Duration::from_hours(10)).clock(clock.clone());
    let builder = builder.read_timeout(PATIENCE).write_timeout(PATIENCE).remote(remote.clone());
    let cache = builder.build().unwrap();
    let books = CachingArchive::new(Arc::default(), &cache);
    assert!(cache.connected(PATIENCE).await);
    (cache, books)
}

fn warmed(cached: u64, loaded: u64) -> Warmed {
    Warmed { cached, loaded, failed: 0 }
}

/// As in another process.
fn carried(snapshot: &KeySnapshot) -> KeySnapshot {
    KeySnapshot::from_json(&snapshot.to_json()).unwrap()
}

/// The text with its keys in order: the local tier has none.
fn sorted(snapshot: &KeySnapshot) -> String {
    let mut value: Value = serde_json::from_str(&snapshot.to_json()).unwrap();
    for keys in value["methods"].as_object_mut().unwrap().values_mut() {
        keys.as_array_mut().unwrap().sort_by_key(Value::to_string);
    }
    value.to_string()
}

/// A snapshot of books with these JSON values as keys.
fn of_books(keys: &Value) -> KeySnapshot {
    let text = json!({ "version": 1, "methods": { "archive:keys:book book": keys } }).to_string();
    KeySnapshot::from_json(&text).unwrap()
}

async fn read_some(books: &Books) {
    for id in 0..20 {
        books.book(id).await;
    }
    books.page("a", 1, None).await;
    books.page("b", 2, Some("x")).await;
    books.price(-0.1).await;
}

fn has_some(books: &Books) -> bool {
    let pages = [books.peek_page("a", 1, None), books.peek_page("b", 2, Some("x"))];
    let others = [books.peek_price(-0.1)];
    (0..20).all(|id| books.peek_book(id) == Some(id.to_string()))
        && pages == [Some("a 1 None".to_owned()), Some("b 2 Some(\"x\")".to_owned())]
        && others == [Some("-0.1".to_owned())]
}

#[tokio::test]
async fn the_keys_of_an_old_instance_warm_a_new_one() {
    let clock = ManualClock::new();
    for engine in ENGINES {
        let old = on(engine, &clock);
        read_some(&old).await;
        let snapshot = old.snapshot_keys();
        assert_eq!((snapshot.len(), snapshot.skipped()), (23, 0), "{engine:?}");
        let (new, carried) = (on(engine, &clock), carried(&snapshot));
        assert_eq!(carried.to_json(), snapshot.to_json());
        assert_eq!(new.warm_from(&carried, 4).await, warmed(0, 23));
        assert!(has_some(&new), "in the order of the parameters");
        assert_eq!(new.snapshot_keys().len(), 23);
    }
}

#[tokio::test]
async fn keys_that_the_shared_tier_has_are_copied() {
    let clock = ManualClock::new();
    let remote = MemoryRemote::with_clock(clock.clone());
    let (cache, old) = sharing(&remote, &clock).await;
    read_some(&old).await;
    until("the shared tier has all", || cache.stats().total().fills == 23).await;
    let snapshot = carried(&old.snapshot_keys());
    let (_, new) = sharing(&remote, &clock).await;
    assert!(new.snapshot_keys().is_empty(), "of the local tier, and not of the shared one");
    assert_eq!(new.warm_from(&snapshot, 4).await, warmed(23, 0));
    assert!(has_some(&new));
    assert_eq!(new.backing().calls.load(Ordering::SeqCst), 0);
}

/// A change of this text loses the keys of a deploy.
#[tokio::test]
async fn the_text_is_the_same_in_every_build() {
    let books = alone(&ManualClock::new());
    books.book(7).await;
    books.page("a", 1, None).await;
    let text = r#"{"version":1,"methods":{"archive:keys:book book":[[7]],"archive:keys:page page":[[1,"a",null]]}}"#;
    assert_eq!(books.snapshot_keys().to_json(), text);
    assert_eq!(serde_json::to_string(&books.snapshot_keys()).unwrap(), text);
    assert_eq!(serde_json::from_str::<KeySnapshot>(text).unwrap().to_json(), text);
}

#[tokio::test]
async fn methods_follow_one_another_and_the_concurrency_is_bounded() {
    let clock = ManualClock::new();
    let old = alone(&clock);
    read_some(&old).await;
    let snapshot = old.snapshot_keys();
    for (concurrency, most) in [(0, 1), (1, 1), (3, 3), (usize::MAX, 20)] {
        let new = alone(&clock);
        let mut warming = new.warm_from(&snapshot, concurrency);
        for done in 1..=23 {
            assert_eq!(warming.next().await, Some(warmed(0, done)));
        }
        assert_eq!((warming.next().await, warming.progress()), (None, warmed(0, 23)));
        assert_eq!(new.backing().most.load(Ordering::SeqCst), most, "{concurrency}");
    }
}

#[tokio::test]
async fn a_warming_that_is_dropped_begins_no_other_key() {
    let new = alone(&ManualClock::new());
    let snapshot = of_books(&json!([[1], [2], [3], [4], [5], [6]]));
    let mut warming = new.warm_from(&snapshot, 2);
    assert_eq!(warming.next().await, Some(warmed(0, 1)));
    drop(warming);
    until("the loads end", || new.backing().running.load(Ordering::SeqCst) == 0).await;
    assert!(new.backing().calls.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn expired_entries_are_not_in_it_and_those_that_still_answer_are() {
    for engine in ENGINES {
        let clock = ManualClock::new();
        let books =
            CachingArchive::builder(Arc::new(Echo::default()), &Cache::single_instance_with_clock(clock.clone()))
                .book(move |policy: ReadPolicy| {
                    policy.local_engine(engine).stale_while_revalidate(Duration::from_mins(10))
                })
                .page(move |policy: ReadPolicy| policy.local_engine(engine))
                .build();
        books.book(1).await;
        books.page("a", 1, None).await;
        clock.advance(Duration::from_mins(30));
        books.book(2).await;
        assert_eq!(books.snapshot_keys().len(), 3);
        clock.advance(Duration::from_mins(35));
        assert_eq!(
            sorted(&books.snapshot_keys()),
            sorted(&of_books(&json!([[1], [2]]))),
            "the page has expired, the first book is stale"
        );
        clock.advance(Duration::from_mins(10));
        assert_eq!(sorted(&books.snapshot_keys()), sorted(&of_books(&json!([[2]]))), "{engine:?}");
        books.invalidate_book(2).await;
        assert!(books.snapshot_keys().is_empty(), "an invalidation removes the entry");
    }
}

/// Whether it does is seen from the time to idle.
#[tokio::test]
async fn a_snapshot_is_no_use_of_an_entry() {
    let clock = ManualClock::new();
    let books = CachingArchive::builder(Arc::new(Echo::default()), &Cache::single_instance_with_clock(clock.clone()))
        .book(|policy: ReadPolicy| policy.tti(Duration::from_mins(10)))
        .build();
    books.book(1).await;
    clock.advance(Duration::from_mins(8));
    assert_eq!(books.snapshot_keys().len(), 1);
    clock.advance(Duration::from_mins(8));
    assert!(books.snapshot_keys().is_empty(), "it is idle");
    assert_eq!(books.peek_book(1), None);
}

#[tokio::test]
async fn without_a_local_tier_there_are_no_keys() {
    let off = CachingArchive::builder(Arc::new(Echo::default()), &Cache::single_instance())
        .book(|policy: ReadPolicy| policy.local_off())
        .build();
    let past = CachingArchive::new(Arc::new(Echo::default()), &Cache::pass_through());
    for books in [off, past] {
        books.book(1).await;
        assert!(books.snapshot_keys().is_empty());
    }
    let past = CachingArchive::new(Arc::new(Echo::default()), &Cache::pass_through());
    assert_eq!(past.warm_from(&of_books(&json!([[1]])), 1).await, Warmed::default());
    assert_eq!(past.backing().calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn methods_whose_keys_are_no_json_are_skipped() {
    let books = alone(&ManualClock::new());
    books.seat(Seat(1)).await;
    books.shown(Wrapping(1)).await;
    books.book(1).await;
    let snapshot = books.snapshot_keys();
    assert_eq!((snapshot.len(), snapshot.skipped()), (1, 0));
}

#[tokio::test]
async fn keys_that_json_cannot_represent_are_skipped_and_counted() {
    let clock = ManualClock::new();
    let books = alone(&clock);
    for id in [7, u128::from(u64::MAX), u128::from(u64::MAX) + 1] {
        books.wide(id).await;
    }
    books.label(BTreeMap::new()).await;
    books.label(BTreeMap::from([((1, 2), 3)])).await;
    books.price(f64::INFINITY).await;
    books.price(f64::MIN_POSITIVE).await;
    books.odd(Odd(1, 0)).await;
    books.odd(Odd(1, 2)).await;
    books.odd(Odd(13, 0)).await;
    let snapshot = books.snapshot_keys();
    assert_eq!((snapshot.len(), snapshot.skipped()), (5, 5), "{snapshot:?}");
    let new = alone(&clock);
    assert_eq!(new.warm_from(&carried(&snapshot), 1).await, warmed(0, 5));
    assert!(new.peek_wide(u128::from(u64::MAX)).is_some() && new.peek_price(f64::MIN_POSITIVE).is_some());
    assert!(new.peek_odd(Odd(1, 0)).is_some());
}

/// A text that is too deep would be refused as a whole.
#[tokio::test]
async fn a_deep_key_costs_no_other_one() {
    let books = alone(&ManualClock::new());
    for depth in [1, 60, 99, 124, 125, 126, 127, 128, 200] {
        books.nest(Nest::of_depth(depth)).await;
    }
    let snapshot = books.snapshot_keys();
    assert_eq!((snapshot.len(), snapshot.skipped()), (3, 6));
    assert_eq!(carried(&snapshot).len(), 3);
}

#[tokio::test]
async fn foreign_keys_and_methods_are_skipped() {
    let keys = json!([[1], ["1"], [-1], [null], [1, 2], [], 2, "x", null, { "id": 3 }, [[4]], [1.5], [1e300], [5]]);
    let mut snapshot = of_books(&keys);
    let others = [
        r#"{"version":1,"methods":{"archive:keys:book gone":[[6]],"archive:keys:none book":[[7]],"other":[[8]]}}"#,
        r#"{"version":1,"methods":{"archive:keys:odd odd":[[13],[14]],"archive:keys:seat seat":[[1]]},"more":true}"#,
        r#"{"version":1,"methods":{"archive:keys:price price":[[null],[1.5],[1]]}}"#,
    ];
    for text in others {
        snapshot.merge(KeySnapshot::from_json(text).unwrap());
    }
    let new = alone(&ManualClock::new());
    assert_eq!(new.warm_from(&snapshot, 2).await, warmed(0, 5));
    let found =
        [new.peek_book(1), new.peek_book(5), new.peek_odd(Odd(14, 0)), new.peek_price(1.5), new.peek_price(1.0)];
    assert!(found.iter().all(Option::is_some), "{found:?}");
}

#[tokio::test]
async fn a_key_that_is_in_it_twice_is_loaded_once() {
    let mut snapshot = of_books(&json!([[1], [2]]));
    snapshot.merge(of_books(&json!([[2], [3]])));
    assert_eq!(snapshot.len(), 4);
    let new = alone(&ManualClock::new());
    assert_eq!(new.warm_from(&snapshot, 1).await, warmed(1, 3));
    assert_eq!(new.backing().calls.load(Ordering::SeqCst), 3);
}

#[test]
fn a_text_that_is_no_snapshot_is_an_error_without_its_text() {
    let secret = "ada@example.org";
    for (text, message) in [
        (
            r#"{"version":2,"keys":["ada@example.org"]}"#,
            "the key snapshot has version 2, and this version of cache-core reads",
        ),
        (r#"{"methods":{}}"#, "a number `version` is missing"),
        (r#"{"version":"ada@example.org","methods":{}}"#, "a number `version` is missing"),
        (r#"{"version":1}"#, "an object `methods` is missing"),
        (r#"{"version":1,"methods":["ada@example.org"]}"#, "an object `methods` is missing"),
        (r#"{"version":1,"methods":{"a b":"ada@example.org"}}"#, "a list of keys for each method is missing"),
        (r#"["ada@example.org"]"#, "an object is missing"),
        (r#"{"version":1,"methods":{"a b":["ada@example.org"#, "is no JSON text: EOF"),
        (r#"{"version":1,"methods":{"a b":["ada@example.org" 1]}}"#, "is no JSON text: expected"),
        (r"ada@example.org", "is no JSON text: expected"),
        ("", "is no JSON text: EOF"),
    ] {
        let error = KeySnapshot::from_json(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(message), "{error}");
        assert!(!error.to_string().contains(secret), "{error}");
        let error = serde_json::from_str::<KeySnapshot>(text).unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
    }
}

#[tokio::test]
async fn keys_are_not_shown() {
    let books = alone(&ManualClock::new());
    books.page("ada@example.org", 1815, None).await;
    books.wide(u128::MAX).await;
    let snapshot = books.snapshot_keys();
    let shown = r#"KeySnapshot { methods: {"archive:keys:page page": 1}, skipped: 1 }"#;
    assert_eq!(format!("{snapshot:?}"), shown);
    assert!(!format!("{snapshot:#?}{:?}", new_warming(&snapshot, &books)).contains("ada"));
}

fn new_warming<'a>(snapshot: &'a KeySnapshot, books: &'a Books) -> cache_core::Warming<'a> {
    books.warm_from(snapshot, 1)
}

/// The key prefix names an environment, and a partition one of the stores in a process.
#[tokio::test]
async fn keys_belong_to_a_partition_and_to_no_environment() {
    let staging = Cache::builder().key_prefix("staging").remote(MemoryRemote::new()).build().unwrap();
    let production = Cache::single_instance();
    let part = |cache: &Cache, partition: &str| {
        CachingArchive::builder(Arc::new(Echo::default()), cache).partition(partition).build()
    };
    let long = "x".repeat(1000);
    let [eu, us, large] = ["eu", "us", &long].map(|partition| part(&production, partition));
    for (books, id) in [(&eu, 1), (&us, 2), (&large, 3)] {
        books.book(id).await;
    }
    let mut snapshot = KeySnapshot::default();
    for books in [&eu, &us, &large] {
        snapshot.merge(books.snapshot_keys());
    }
    for (partition, id) in [("eu", 1), ("us", 2), (&long, 3)] {
        let books = part(&staging, partition);
        assert!(staging.connected(PATIENCE).await);
        assert_eq!(books.warm_from(&snapshot, 1).await, warmed(0, 1));
        assert!(books.peek_book(id).is_some());
    }
    let plain = CachingArchive::new(Arc::new(Echo::default()), &staging);
    assert_eq!(plain.warm_from(&snapshot, 1).await, warmed(0, 0));
}

#[cached_store(namespace = "archive:bounded")]
trait Bounded<T: KeyPart + Serialize + DeserializeOwned>: Send + Sync {
    #[cached(entity = "row", key(id), ttl = "1h")]
    async fn row(&self, id: T) -> u64;
}

#[cached_store(namespace = "archive:free")]
trait Free<T: KeyPart>: Send + Sync {
    #[cached(entity = "row", key(id), ttl = "1h")]
    async fn row(&self, id: T) -> u64;
}

impl Bounded<u64> for Echo {
    async fn row(&self, id: u64) -> u64 {
        id
    }
}

impl Free<u64> for Echo {
    async fn row(&self, id: u64) -> u64 {
        id
    }
}

#[tokio::test]
async fn the_bounds_of_a_generic_trait_decide() {
    let cache = Cache::single_instance();
    let bounded = CachingBounded::<Echo, u64>::new(Arc::default(), &cache);
    let free = CachingFree::<Echo, u64>::new(Arc::default(), &cache);
    bounded.row(1).await;
    free.row(1).await;
    assert_eq!((bounded.snapshot_keys().len(), free.snapshot_keys().len()), (1, 0));
    assert_eq!(free.warm_from(&bounded.snapshot_keys(), 1).await, Warmed::default());
}

mod due {
    //! Entries that are warmed together are not refreshed together.

    use super::*;

    const KEYS: u64 = 500;

    #[cached_store(namespace = "archive:due")]
    trait Rates: Send + Sync {
        // A life has 50 to 100 s, and its refresh is due 25 s before its end.
        #[cached(entity = "rate", key(id), ttl = "100s", jitter = 50, refresh_after = "50s")]
        async fn rate(&self, id: u64) -> u64;
    }

    impl Rates for Echo {
        async fn rate(&self, id: u64) -> u64 {
            self.calls.fetch_add(1, Ordering::SeqCst);
            id
        }
    }

    fn rates(cache: &Cache) -> CachingRates<Echo> {
        CachingRates::new(Arc::default(), cache)
    }

    fn snapshot() -> KeySnapshot {
        let keys: Vec<_> = (0..KEYS).map(|id| json!([id])).collect();
        let text = json!({ "version": 1, "methods": { "archive:due:rate rate": keys } }).to_string();
        KeySnapshot::from_json(&text).unwrap()
    }

    /// Reads every key, and returns which of them are due for a refresh, which the read starts.
    async fn due(store: &CachingRates<Echo>) -> Vec<u64> {
        let mut due = Vec::new();
        for id in 0..KEYS {
            if store.with_info().rate(id).await.1.due {
                due.push(id);
            }
        }
        due
    }

    /// Two instances on one shared tier, each of which may refresh all entries at once.
    async fn pair(clock: &ManualClock) -> [(Cache, CachingRates<Echo>); 2] {
        let remote = MemoryRemote::with_clock(clock.clone());
        let cache = || {
            let builder = Cache::builder().lease(Duration::from_hours(10)).refreshes(1000).clock(clock.clone());
            builder.read_timeout(PATIENCE).write_timeout(PATIENCE).remote(remote.clone()).build().unwrap()
        };
        let pair = [cache(), cache()].map(|cache| {
            let store = rates(&cache);
            (cache, store)
        });
        for (cache, _) in &pair {
            assert!(cache.connected(PATIENCE).await);
        }
        pair
    }

    #[tokio::test]
    async fn warmed_entries_become_due_one_after_the_other() {
        let clock = ManualClock::new();
        let [(cache, store), _] = pair(&clock).await;
        assert_eq!(store.warm_from(&snapshot(), 16).await, warmed(0, KEYS));
        until("the shared tier has all", || cache.stats().total().fills == KEYS).await;
        clock.advance(Duration::from_secs(24));
        assert!(due(&store).await.is_empty());
        clock.advance(Duration::from_secs(12));
        // A share of 11 s out of 50 s, with a deviation of 9.
        let share = due(&store).await.len();
        assert!((50..170).contains(&share), "{share}");
    }

    /// A copy from the shared tier has the end of the entry there, which was drawn when it was loaded.
    #[tokio::test]
    async fn a_copy_is_due_when_its_original_is() {
        let clock = ManualClock::new();
        let [(one, old), (_, new)] = pair(&clock).await;
        assert_eq!(old.warm_from(&snapshot(), 16).await, warmed(0, KEYS));
        until("the shared tier has all", || one.stats().total().fills == KEYS).await;
        assert_eq!(new.warm_from(&old.snapshot_keys(), 16).await, warmed(KEYS, 0));
        clock.advance(Duration::from_secs(36));
        let share = due(&new).await;
        assert!((50..170).contains(&share.len()), "{share:?}");
        // Before a refresh of the new instance is read by the old one. The shared tier has milliseconds, so that one at the
        // limit may be due for one of them only.
        let original = due(&old).await;
        let differ = share.iter().filter(|key| !original.contains(key)).count()
            + original.iter().filter(|key| !share.contains(key)).count();
        assert!(differ <= 3, "{share:?} {original:?}");
    }
}
