//! The bounds of the local tier: by weight, and by the time since the last read.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, LocalEngine, MemoryRemote, MethodStats, ReadPolicy, Region, cached_store};

use super::observability::recorder::Recorder;
use super::sync_points::{pass, until};

const ENGINES: [LocalEngine; 2] = [LocalEngine::Quick, LocalEngine::Moka];
const PATIENCE: Duration = Duration::from_secs(20);
/// What an entry weighs beside its value.
const OVERHEAD: u64 = 128;
const CAPACITY: u64 = 64 << 10;

type Failed = cache_core::Error;

thread_local! {
    /// The number of calls of `weight` in this test, whose tasks all run on its thread.
    static WEIGHED: Cell<u64> = const { Cell::new(0) };
}

/// A thousand bytes for each letter. A text with an exclamation mark has no weight.
fn weight(text: &str) -> usize {
    WEIGHED.set(WEIGHED.get() + 1);
    assert!(!text.contains('!'), "this text has no weight");
    text.len() * 1000
}

#[cached_store(namespace = "bounds")]
pub(super) trait Texts: Send + Sync {
    #[cached(entity = "text", key(id), ttl = "1h", negative_ttl = "1h", local_capacity = "64KiB", weigh = weight)]
    async fn text(&self, id: u64) -> Result<Option<String>, Failed>;

    #[cached(entity = "long", key(id), ttl = "1h", jitter = 0, tti = "64s")]
    async fn long(&self, id: u64) -> Result<String, Failed>;

    #[cached(batch = long)]
    async fn longs(&self, ids: &[u64]) -> Result<HashMap<u64, String>, Failed>;
}

/// The texts, and the loads so far.
#[derive(Default)]
struct Rows {
    texts: std::sync::Mutex<HashMap<u64, String>>,
    loads: AtomicU64,
}

impl Rows {
    fn with(texts: &[(u64, &str)]) -> Arc<Self> {
        let rows = Self::default();
        for (id, text) in texts {
            rows.set(*id, text);
        }
        Arc::new(rows)
    }

    fn set(&self, id: u64, text: &str) {
        self.texts.lock().unwrap().insert(id, text.to_owned());
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

impl Texts for Rows {
    async fn text(&self, id: u64) -> Result<Option<String>, Failed> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Ok(self.texts.lock().unwrap().get(&id).cloned())
    }

    async fn long(&self, id: u64) -> Result<String, Failed> {
        Ok(self.text(id).await?.unwrap_or_default())
    }

    async fn longs(&self, ids: &[u64]) -> Result<HashMap<u64, String>, Failed> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let texts = self.texts.lock().unwrap();
        Ok(ids.iter().filter_map(|id| Some((*id, texts.get(id)?.clone()))).collect())
    }
}

/// A region whose values are texts of this many letters.
async fn read(region: &Region<u64, String>, key: u64, letters: usize) -> String {
    region.get_or_load(&key, move || async move { Ok::<_, Failed>("x".repeat(letters)) }).await.unwrap()
}

fn by_bytes(capacity: u64, engine: LocalEngine) -> ReadPolicy {
    ReadPolicy::new(Duration::from_hours(1)).local_capacity_bytes(capacity).local_engine(engine)
}

/// A cache on a shared tier in memory.
fn on_memory(clock: &ManualClock) -> Cache {
    let remote = MemoryRemote::with_clock(clock.clone());
    let builder = Cache::builder().lease(Duration::from_hours(10)).clock(clock.clone());
    builder.read_timeout(PATIENCE).write_timeout(PATIENCE).remote(remote).build().unwrap()
}

/// Waits for the shared tier, which a cache subscribes to for the regions that it has.
async fn connected(cache: &Cache) {
    assert!(cache.connected(PATIENCE).await);
}

#[tokio::test]
async fn entries_weigh_their_encoded_values_and_stay_below_the_capacity() {
    for engine in ENGINES {
        let cache = Cache::single_instance_with_clock(ManualClock::new());
        let region = cache.region::<u64, String>("bounds", "weighed", by_bytes(CAPACITY, engine));
        read(&region, 0, 1000).await;
        let weight = || region.local_weight().unwrap();
        // moka weighs during calls.
        let counted = |expected: u64| {
            region.peek(&&0);
            weight() == expected
        };
        until("the first entry is weighed", || counted(1003 + OVERHEAD)).await;
        for key in 1..500 {
            read(&region, key, 1000).await;
        }
        until("the others are evicted", || {
            region.peek(&&0);
            weight() <= CAPACITY && weight() > CAPACITY / 2
        })
        .await;
        assert_eq!(weight() / region.local_entries(), 1003 + OVERHEAD, "{engine:?}");
        assert_eq!(cache.stats().total().local_refused, 0, "{engine:?}");
    }
}

/// A heavy entry fits into every part of the table, however many processors there are.
#[tokio::test]
async fn an_entry_of_a_tenth_of_the_capacity_is_stored_and_one_above_it_is_not() {
    // So large that the table has as many parts as it is allowed to.
    const CAPACITY: u64 = 8 << 20;
    // The text has 5 bytes before its letters.
    let largest = usize::try_from(CAPACITY / 10 - OVERHEAD).unwrap() - 5;
    for engine in ENGINES {
        let clock = ManualClock::new();
        let cache = on_memory(&clock);
        let region = cache.region::<u64, String>("bounds", "heavy", by_bytes(CAPACITY, engine));
        connected(&cache).await;
        for key in 0..20 {
            read(&region, key, largest).await;
            assert!(region.peek(&&key).is_some() || engine == LocalEngine::Moka, "{engine:?}: {key}");
        }
        let stats = || cache.stats().total();
        assert_eq!(stats().local_refused, 0, "{engine:?}");
        read(&region, 100, largest + 1).await;
        assert_eq!((region.peek(&&100), stats().local_refused), (None, 1), "{engine:?}");
        until("the shared tier has it", || stats().fills == 21).await;
        read(&region, 100, largest + 1).await;
        assert_eq!((stats().loads, stats().shared_hits, stats().local_refused), (21, 1, 2), "{engine:?}");
    }
}

/// A reader of the new value must not see the old one afterwards.
#[tokio::test]
async fn a_value_that_is_refused_replaces_the_local_one() {
    let clock = ManualClock::new();
    let cache = on_memory(&clock);
    let rows = Rows::with(&[(1, "old")]);
    let store = CachingTexts::new(Arc::clone(&rows), &cache);
    connected(&cache).await;
    assert_eq!(store.text(1).await.unwrap().as_deref(), Some("old"));
    assert!(store.peek_text(1).is_some());
    for (text, why) in [("much longer", "it is too heavy"), ("!", "it has no weight")] {
        rows.set(1, text);
        let refused = cache.stats().total().local_refused;
        assert_eq!(store.fresh().text(1).await.unwrap().as_deref(), Some(text), "{why}");
        assert_eq!((store.peek_text(1), cache.stats().total().local_refused), (None, refused + 1), "{why}");
        assert_eq!(store.text(1).await.unwrap().as_deref(), Some(text), "{why}");
    }
}

#[tokio::test]
async fn the_function_weighs_each_value_once_and_no_absence() {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let cache = Cache::single_instance_with_clock(ManualClock::new());
    let store = CachingTexts::new(Rows::with(&[(1, "abc"), (2, "a")]), &cache);
    for _ in 0..10 {
        assert_eq!(store.text(3).await.unwrap(), None);
    }
    assert_eq!(WEIGHED.get(), 0, "an absence is not weighed");
    for _ in 0..10 {
        assert_eq!(store.text(1).await.unwrap().as_deref(), Some("abc"));
        assert_eq!(store.text(2).await.unwrap().as_deref(), Some("a"));
    }
    assert_eq!(WEIGHED.get(), 2, "a hit does not weigh");
    cache.publish_metrics();
    assert_eq!(recorder.levels("cache.local.weight", &[("method", "text")]), [f64::from(3128 + 1128 + 128)]);
    assert_eq!(recorder.levels("cache.local.weight", &[("method", "long")]), [0.0], "it is bounded by entries");
}

#[tokio::test]
async fn the_last_capacity_wins_and_zero_disables_the_tier() {
    let minute = ReadPolicy::new(Duration::from_mins(1));
    let table = [
        (minute.local_capacity_bytes(CAPACITY).local_capacity(5), true, None),
        (minute.local_capacity(0).local_capacity_bytes(CAPACITY), true, Some(1 + OVERHEAD + 4)),
        (minute.local_capacity_bytes(0), false, None),
        (minute.local_capacity(5).local_capacity_bytes(0), false, None),
        (minute.local_capacity_bytes(1), false, Some(0)),
        (minute.local_capacity_bytes(u64::MAX), true, Some(1 + OVERHEAD + 4)),
        (minute.tti(Duration::ZERO), false, None),
        (minute.tti(Duration::MAX), true, None),
    ];
    for (policy, is_stored, weight) in table {
        for engine in ENGINES {
            let cache = Cache::single_instance_with_clock(ManualClock::new());
            let region = cache.region::<u64, String>("bounds", "last", policy.local_engine(engine));
            read(&region, 1, 4).await;
            assert_eq!(region.peek(&&1).is_some(), is_stored, "{policy:?}");
            let weighed = || {
                region.peek(&&1);
                region.local_weight() == weight
            };
            until("the entry is weighed", weighed).await;
        }
    }
}

/// A decorator with the time to idle of its annotation, on this engine.
struct Idle {
    clock: ManualClock,
    cache: Cache,
    rows: Arc<Rows>,
    store: CachingTexts<Rows>,
    is_shared: bool,
}

impl Idle {
    fn over(cache: Cache, clock: ManualClock, engine: LocalEngine, is_shared: bool) -> Self {
        let rows = Rows::with(&[(1, "one"), (2, "two")]);
        let store = CachingTexts::builder(Arc::clone(&rows), &cache).long(|policy| policy.local_engine(engine)).build();
        Self { clock, cache, rows, store, is_shared }
    }

    async fn each() -> Vec<Self> {
        let mut all = Vec::new();
        for engine in ENGINES {
            let clock = ManualClock::new();
            all.push(Self::over(Cache::single_instance_with_clock(clock.clone()), clock, engine, false));
            let clock = ManualClock::new();
            all.push(Self::over(on_memory(&clock), clock, engine, true));
            connected(&all[all.len() - 1].cache).await;
        }
        all
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn stats(&self) -> MethodStats {
        self.cache.stats().method("Texts", "long")
    }

    async fn get(&self) {
        assert_eq!(self.store.long(1).await.unwrap(), "one");
    }
}

#[tokio::test]
async fn an_entry_that_is_read_stays_and_one_that_is_not_leaves() {
    for idle in Idle::each().await {
        idle.get().await;
        for _ in 0..20 {
            idle.advance(63);
            idle.get().await;
        }
        assert_eq!((idle.rows.loads(), idle.stats().local_hits), (1, 20));
        idle.advance(67);
        assert_eq!(idle.store.peek_long(1), None, "it was idle for longer than the time");
        idle.get().await;
        let (loads, shared) = if idle.is_shared { (1, 1) } else { (2, 0) };
        assert_eq!((idle.rows.loads(), idle.stats().shared_hits), (loads, shared), "the shared tier still has it");
        // The new entry is as young as any other: the engine must not keep the key of the old one.
        idle.advance(63);
        idle.get().await;
        assert_eq!((idle.rows.loads(), idle.stats().local_hits), (loads, 21));
    }
}

#[tokio::test]
async fn every_kind_of_read_uses_the_entry() {
    for idle in Idle::each().await {
        idle.get().await;
        idle.advance(60);
        assert!(idle.store.peek_long(1).is_some());
        idle.advance(60);
        assert_eq!(idle.store.longs(&[1]).await.unwrap().len(), 1);
        idle.advance(60);
        assert_eq!(idle.store.cached_only().long(1).await.as_deref(), Some("one"));
        idle.advance(60);
        idle.get().await;
        assert_eq!((idle.rows.loads(), idle.stats().shared_hits), (1, 0));
    }
}

#[tokio::test]
async fn an_entry_in_use_ends_with_its_time_to_live_and_with_a_write() {
    for idle in Idle::each().await {
        idle.get().await;
        for _ in 0..59 {
            idle.advance(60);
            idle.get().await;
        }
        assert_eq!(idle.rows.loads(), 1);
        idle.advance(60);
        idle.get().await;
        assert_eq!(idle.rows.loads(), 2, "its hour is over");
        idle.rows.set(1, "new");
        idle.store.invalidate_long(1).await;
        assert_eq!(idle.store.long(1).await.unwrap(), "new");
    }
}

/// The memory of entries that no read asks for is freed, although the clock of moka is not that of the test.
#[tokio::test]
async fn a_later_fill_removes_idle_entries() {
    let clock = ManualClock::new();
    let cache = Cache::single_instance_with_clock(clock.clone());
    let policy = ReadPolicy::new(Duration::from_hours(1)).tti(Duration::from_secs(64));
    let region = cache.region::<u64, String>("bounds", "swept", policy);
    for key in 0..100 {
        read(&region, key, 10).await;
    }
    pass(&clock, Duration::from_mins(1)).await;
    read(&region, 0, 10).await;
    read(&region, 200, 10).await;
    pass(&clock, Duration::from_secs(10)).await;
    assert_eq!(region.local_entries(), 101, "nothing is removed before a fill");
    read(&region, 201, 10).await;
    until("the idle entries are removed", || region.local_entries() == 3).await;
    assert!([0, 200, 201].iter().all(|key| region.peek(&key).is_some()), "these are in use");
}
