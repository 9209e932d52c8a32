//! The cost of invalidating a whole read method, and all entries with one first key part.
//!
//! Both tiers have a thousand entries, or a million.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cache_benches::Pinned;
use cache_benches::rounds::{Contender, Rounds};
use cache_core::{Cache, cached_store};
use cache_tests::RedisServer;
use criterion::Criterion;
use tokio::runtime::Runtime;

use super::facts::{self, Facts};
use super::{HERE, THERE, servers};

const GROUP: &str = "group invalidation";
const WHOLE_FEW: &str = "all of a method, 1000 entries";
const WHOLE_MANY: &str = "all of a method, 1000000 entries";
const PREFIX_FEW: &str = "one first part, 1000 entries";
const PREFIX_MANY: &str = "one first part, 1000000 entries";

const FEW: u64 = 1000;
const MANY: u64 = 1_000_000;
/// The number of entries that are read, and so filled, at once.
const BATCH: u64 = 1000;
const ROUNDS: usize = 40;
const BLOCK: u64 = 50;
/// Longer than the fill of a million entries keeps the only thread busy.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longer than the run: while criterion draws its plots, the cache sends no heartbeats.
const LEASE: Duration = Duration::from_hours(1);
/// The first part of every key.
const SHELF: u64 = 1;

#[cached_store(namespace = "bench:groups")]
#[async_trait]
trait Books: Send + Sync {
    #[cached(entity = "book", key(shelf, place), ttl = "10h", local_capacity = 1_200_000)]
    async fn book(&self, shelf: u64, place: u64) -> Result<u64, cache_core::Error>;

    #[cached(batch = book)]
    async fn books(&self, shelf: u64, places: &[u64]) -> Result<HashMap<u64, u64>, cache_core::Error>;

    /// A write of a whole shelf.
    #[invalidates(book(shelf, ..))]
    async fn rearrange(&self, shelf: u64) -> Result<(), cache_core::Error>;
}

/// A store that answers without a look-up.
struct Library;

#[async_trait]
impl Books for Library {
    async fn book(&self, _: u64, place: u64) -> Result<u64, cache_core::Error> {
        Ok(place)
    }

    async fn books(&self, _: u64, places: &[u64]) -> Result<HashMap<u64, u64>, cache_core::Error> {
        Ok(places.iter().map(|place| (*place, *place)).collect())
    }

    async fn rearrange(&self, _: u64) -> Result<(), cache_core::Error> {
        Ok(())
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    if !facts::is_wanted(GROUP) {
        return;
    }
    let servers = [(); 2].map(|()| servers::redis(THERE, GROUP));
    let [Some(small), Some(large)] = servers else { return };
    let _pinned = Pinned::to(HERE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let few = runtime.block_on(Shelves::filled(&small, FEW));
    let many = runtime.block_on(Shelves::filled(&large, MANY));
    let run = |name: &str, times: u64| match name {
        WHOLE_FEW => few.invalidate_all(&runtime, times),
        WHOLE_MANY => many.invalidate_all(&runtime, times),
        PREFIX_FEW => few.rearrange(&runtime, times),
        _ => many.rearrange(&runtime, times),
    };
    let mut group = criterion.benchmark_group(GROUP);
    for name in [WHOLE_FEW, WHOLE_MANY, PREFIX_FEW, PREFIX_MANY] {
        group.bench_function(name, |bencher| bencher.iter_custom(|times| run(name, times)));
    }
    group.finish();
    if let Some(mut facts) = Facts::of(GROUP) {
        let contender = |name| Contender::new(name, move || run(name, BLOCK));
        let rounds = Rounds::run(ROUNDS, [WHOLE_FEW, WHOLE_MANY, PREFIX_FEW, PREFIX_MANY].map(contender).into());
        facts.add("all of a method, 1000000 / 1000 entries", rounds.ratio(WHOLE_MANY, WHOLE_FEW));
        facts.add("one first part, 1000000 / 1000 entries", rounds.ratio(PREFIX_MANY, PREFIX_FEW));
        facts.write();
    }
    for shelves in [few, many] {
        runtime.block_on(shelves.close());
    }
}

/// A decorator with its entries in both tiers. An invalidation makes them stale, and does not remove them.
struct Shelves {
    store: CachingBooks<Library>,
    cache: Cache,
    entries: u64,
}

impl Shelves {
    async fn filled(server: &RedisServer, entries: u64) -> Self {
        let cache = Cache::builder().redis(server.admin_url()).read_timeout(PATIENCE).write_timeout(PATIENCE);
        let cache = cache.lease(LEASE).build().expect("an address that parses");
        let store = CachingBooks::new(Arc::new(Library), &cache);
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        for first in (0..entries).step_by(usize::try_from(BATCH).expect("a small number")) {
            let places: Vec<u64> = (first..entries.min(first + BATCH)).collect();
            store.books(SHELF, &places).await.expect("a store that does not fail");
            // The fill follows the answer.
            let began = Instant::now();
            while cache.stats().total().fills < first + u64::try_from(places.len()).expect("a small number") {
                assert!(began.elapsed() < PATIENCE, "no fill: {:?}", cache.health().await);
                tokio::task::yield_now().await;
            }
        }
        let keys = server.raw(&["DBSIZE"]).expect("a server that has just answered");
        assert!(keys.parse::<u64>().is_ok_and(|keys| keys > entries), "{keys} keys of {entries} entries");
        let shelves = Self { store, cache, entries };
        assert_eq!(shelves.alive(), entries, "the local tier has every entry");
        shelves
    }

    /// The number of entries that the local tier answers.
    fn alive(&self) -> u64 {
        (0..self.entries).map(|place| u64::from(self.store.peek_book(SHELF, place).is_some())).sum()
    }

    fn invalidate_all(&self, runtime: &Runtime, times: u64) -> Duration {
        runtime.block_on(async {
            let start = Instant::now();
            for _ in 0..times {
                self.store.invalidate_all().await;
            }
            self.judge(start.elapsed()).await
        })
    }

    fn rearrange(&self, runtime: &Runtime, times: u64) -> Duration {
        runtime.block_on(async {
            let start = Instant::now();
            for _ in 0..times {
                self.store.rearrange(SHELF).await.expect("a store that does not fail");
            }
            self.judge(start.elapsed()).await
        })
    }

    /// Returns the time, after a check that every invalidation reached Redis.
    async fn judge(&self, took: Duration) -> Duration {
        let health = self.cache.health().await;
        assert!(health.shared && health.pending_invalidations == 0, "{health:?}");
        assert!(self.store.peek_book(SHELF, self.entries - 1).is_none(), "an entry outlives its group");
        took
    }

    async fn close(self) {
        self.cache.shutdown().await;
    }
}
