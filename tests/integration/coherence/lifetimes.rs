//! How long an entry answers in each tier, on a clock that the test advances.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, Codec, LocalEngine, ReadPolicy};

use super::register::{CachingRegister, Rows};
use super::sync_points::until;
use super::world::{Tier, World};

/// One process with this policy for `get`.
fn single(policy: impl FnOnce(ReadPolicy) -> ReadPolicy) -> (Arc<Rows>, CachingRegister<Rows>, ManualClock) {
    let clock = ManualClock::new();
    let rows = Arc::<Rows>::default();
    let cache = Cache::single_instance_with_clock(clock.clone());
    let store = CachingRegister::builder(Arc::clone(&rows), &cache).get(policy).build();
    (rows, store, clock)
}

/// Counts how many of `steps` reads, a second apart, reach the store.
async fn loads(rows: &Rows, store: &CachingRegister<Rows>, clock: &ManualClock, steps: u64) -> u64 {
    let before = rows.loads();
    for _ in 0..steps {
        store.get(1).await.unwrap();
        clock.advance(Duration::from_secs(1));
    }
    rows.loads() - before
}

#[tokio::test]
async fn an_entry_is_a_hit_for_exactly_its_time_to_live() {
    for engine in [LocalEngine::Quick, LocalEngine::Moka] {
        let ten = Duration::from_secs(10);
        let (rows, store, clock) = single(|policy| policy.ttl(ten).jitter_percent(0).local_engine(engine));
        rows.seed(1, 10);
        assert_eq!(loads(&rows, &store, &clock, 10).await, 1, "{engine:?}");
        assert_eq!(loads(&rows, &store, &clock, 10).await, 1, "{engine:?}");
    }
}

#[tokio::test]
async fn jitter_only_shortens() {
    let ten = Duration::from_secs(10);
    let (rows, store, clock) = single(|policy| policy.ttl(ten).jitter_percent(50));
    rows.seed(1, 10);
    let done = loads(&rows, &store, &clock, 1000).await;
    assert!((100..=200).contains(&done), "{done} loads in 1000 s: every life is between 5 and 10 s");
    assert!(done > 105, "{done} loads: there is jitter");
}

#[tokio::test]
async fn an_absence_has_a_lifetime_of_its_own() {
    let (rows, store, clock) = single(|policy| policy.negative_ttl(Duration::from_secs(2)).jitter_percent(0));
    assert_eq!(loads(&rows, &store, &clock, 10).await, 5);
    rows.seed(1, 10);
    clock.advance(Duration::from_secs(2));
    assert_eq!(loads(&rows, &store, &clock, 10).await, 1);
}

#[tokio::test]
async fn a_disabled_method_loads_every_time() {
    let (rows, store, clock) = single(|policy| policy.enabled(false));
    assert_eq!(loads(&rows, &store, &clock, 10).await, 10);
    let (rows, store, clock) = single(|policy| policy.ttl(Duration::ZERO));
    rows.seed(1, 10);
    assert_eq!(loads(&rows, &store, &clock, 10).await, 10);
}

#[tokio::test]
async fn the_local_tier_may_be_shorter_lived_than_the_shared_one() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let instance = world.instance().await;
    let local = |policy: ReadPolicy| policy.local_ttl(Duration::from_secs(5)).jitter_percent(0);
    let store = CachingRegister::builder(Arc::clone(&world.rows), &instance.cache).get(local).build();
    world.rows.seed(1, 10);
    store.get(1).await.unwrap();
    until("the value is in the shared tier", || instance.stats().fills == 1).await;
    for _ in 0..10 {
        clock.advance(Duration::from_secs(1));
        store.get(1).await.unwrap();
    }
    assert_eq!((world.rows.loads(), instance.stats().shared_hits), (1, 2));
}

/// The local tier keeps a shared hit only for the rest of its lifetime.
#[tokio::test]
async fn a_shared_hit_does_not_prolong_a_lifetime() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let (one, two) = (world.instance().await, world.instance().await);
    let policy = |policy: ReadPolicy| policy.ttl(Duration::from_mins(1)).jitter_percent(0);
    let first = CachingRegister::builder(Arc::clone(&world.rows), &one.cache).get(policy).build();
    let second = CachingRegister::builder(Arc::clone(&world.rows), &two.cache).get(policy).build();
    world.rows.seed(1, 10);
    first.get(1).await.unwrap();
    until("the value is in the shared tier", || one.stats().fills == 1).await;
    clock.advance(Duration::from_secs(50));
    second.get(1).await.unwrap();
    assert_eq!(two.stats().shared_hits, 1);
    clock.advance(Duration::from_secs(10));
    second.get(1).await.unwrap();
    assert_eq!(world.rows.loads(), 2, "its sixty seconds are over, wherever it was kept");
}

#[tokio::test]
async fn entries_of_another_codec_are_misses() {
    for world in World::each(None) {
        for codec in [Codec::MessagePack, Codec::Json, Codec::Postcard] {
            let (one, two) = (world.instance().await, world.instance().await);
            world.rows.seed(1, 10);
            let with = |instance: &super::world::Instance| {
                let policy = |policy: ReadPolicy| policy.codec(codec).local_off();
                CachingRegister::builder(Arc::clone(&world.rows), &instance.cache).get(policy).build()
            };
            let (first, second) = (with(&one), with(&two));
            let before = world.rows.loads();
            assert_eq!(first.get(1).await, Ok(Some(10)));
            until("the value is in the shared tier", || one.stats().fills == 1).await;
            assert_eq!(second.get(1).await, Ok(Some(10)));
            assert_eq!((world.rows.loads() - before, two.stats().shared_hits), (1, 1), "{codec:?}");
        }
    }
}

#[tokio::test]
async fn the_local_tier_is_bounded() {
    for engine in [LocalEngine::Quick, LocalEngine::Moka] {
        let clock = ManualClock::new();
        let cache = Cache::single_instance_with_clock(clock);
        let policy = ReadPolicy::new(Duration::from_mins(10)).local_capacity(1000).local_engine(engine);
        let region = cache.region::<u64, u64>("race:test", "bounded", policy);
        for key in 0..50_000 {
            region.get_or_load(&key, move || async move { Ok::<_, cache_core::Error>(key) }).await.unwrap();
        }
        // moka evicts during calls and may lag by a few hundred entries.
        assert!(region.local_entries() <= 2000, "{engine:?}: {}", region.local_entries());
        assert_eq!(region.in_flight(), 0);
    }
}

#[tokio::test]
async fn an_invalidated_entry_leaves_the_local_tier() {
    const KEYS: u64 = 100;
    for engine in [LocalEngine::Quick, LocalEngine::Moka] {
        let cache = Cache::single_instance_with_clock(ManualClock::new());
        let policy = ReadPolicy::new(Duration::from_mins(10)).local_engine(engine);
        let region = cache.region::<u64, u64>("race:test", "removed", policy);
        for key in 0..KEYS {
            region.get_or_load(&key, move || async move { Ok::<_, cache_core::Error>(key) }).await.unwrap();
        }
        for key in 0..KEYS / 2 {
            region.invalidate(region.scope(&&key)).await;
        }
        let left: Vec<u64> = (0..KEYS).filter_map(|key| region.peek(&&key)).collect();
        assert_eq!(left, (KEYS / 2..KEYS).collect::<Vec<_>>(), "{engine:?}: no other entry is touched");
        // moka counts during calls.
        until("the places are free", || {
            region.peek(&&KEYS);
            region.local_entries() <= KEYS / 2
        })
        .await;
    }
}

/// An entry is found by its own scope, however often its place in the engine was taken by others.
#[tokio::test]
async fn every_invalidation_is_seen_in_a_local_tier_that_evicts() {
    const KEYS: u64 = 5_000;
    for engine in [LocalEngine::Quick, LocalEngine::Moka] {
        let cache = Cache::single_instance_with_clock(ManualClock::new());
        let policy = ReadPolicy::new(Duration::from_mins(10)).local_engine(engine).local_capacity(500);
        let region = cache.region::<u64, u64>("race:test", "evicted", policy);
        let mut found = 0;
        for step in 0..4 * KEYS {
            let key = step * 7919 % KEYS;
            region.get_or_load(&key, move || async move { Ok::<_, cache_core::Error>(key) }).await.unwrap();
            let other = (step + 1) * 104_729 % KEYS;
            found += u64::from(region.peek(&&other).is_some());
            region.invalidate(region.scope(&&other)).await;
            assert_eq!(region.peek(&&other), None, "{engine:?}: {other}");
        }
        assert!(found > 100, "{engine:?}: only {found} of the invalidated entries were in the local tier");
    }
}
