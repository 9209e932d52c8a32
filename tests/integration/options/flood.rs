//! S15: a caller requests one invented id after the other.
//!
//! The local tier stays within its bound, and frequently read entries stay in it.

use std::time::Duration;

use cache_core::{Cache, LocalEngine, ReadPolicy};

const CAPACITY: usize = 2_000;
const HOT: u64 = 200;
const INVENTED: u64 = 100_000;
/// The number of invented ids for each read of every hot one.
const ROUND: u64 = 1_000;

/// Reads the hot ids between invented ones, whose absence is cached.
///
/// Returns the percentage of hot reads that were local hits.
async fn hot_hits_under(engine: LocalEngine) -> u64 {
    let cache = Cache::single_instance();
    let hour = Duration::from_hours(1);
    let policy = ReadPolicy::new(hour).negative_ttl(hour).local_capacity(CAPACITY).local_engine(engine);
    let region = cache.region::<u64, Option<u64>>("test:flood", "id", policy);
    let read = async |id: u64| {
        let known = (id < HOT).then_some(id);
        region.get_or_load(&id, move || async move { Ok::<_, cache_core::Error>(known) }).await.unwrap()
    };
    // An id becomes hot by repeated reads.
    for id in (0..HOT).chain(0..HOT) {
        read(id).await;
    }
    let mut hits = 0;
    for round in 0..INVENTED / ROUND {
        for id in 0..ROUND {
            assert_eq!(read(HOT + round * ROUND + id).await, None);
        }
        let before = cache.stats().total().local_hits;
        for id in 0..HOT {
            assert_eq!(read(id).await, Some(id));
        }
        hits += cache.stats().total().local_hits - before;
        // moka evicts a little later than it inserts.
        assert!(region.local_entries() <= CAPACITY as u64 + 200, "{}", region.local_entries());
    }
    hits * 100 / (HOT * (INVENTED / ROUND))
}

#[tokio::test]
async fn unknown_ids_neither_grow_the_local_tier_nor_evict_hot_entries() {
    for engine in [LocalEngine::Quick, LocalEngine::Moka] {
        let hits = hot_hits_under(engine).await;
        println!("{engine:?}: {hits} %");
        assert!(hits >= 95, "{engine:?}: {hits} % of the hot reads were local hits");
    }
}
