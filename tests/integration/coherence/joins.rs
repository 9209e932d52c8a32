//! R13: a read takes only an answer that was looked up after the read began.

use cache_core::testing::Protection;

use super::register::Stop;
use super::sync_points::until;
use super::world::World;

/// Starts a read after a write, while the same instance's flight holds the old value.
///
/// Returns what that read returns.
async fn read_after_the_write_joins_an_old_flight(world: World) -> Option<u64> {
    let (reader, writer) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterRead);
    let old = reader.spawn_get(1);
    point.reached().await;
    writer.set(1, 20).await;
    let new = reader.spawn_get(1);
    until("the second read waits", || reader.stats().misses == 1 && reader.store.peek_get(1).is_none()).await;
    tokio::task::yield_now().await;
    point.open();
    assert_eq!(old.await.unwrap(), Some(10));
    new.await.unwrap()
}

#[tokio::test]
async fn r13_a_read_begun_after_the_write_does_not_take_an_older_flights_outcome() {
    for world in World::each(None) {
        assert_eq!(read_after_the_write_joins_an_old_flight(world).await, Some(20));
    }
    for world in World::each(Some(Protection::NextFlight)) {
        assert_eq!(
            read_after_the_write_joins_an_old_flight(world).await,
            Some(10),
            "the control must see the old value"
        );
    }
}

#[tokio::test]
async fn r13_ten_thousand_callers_of_a_cold_key_cost_one_load() {
    for world in World::each(None) {
        let reader = world.instance().await;
        world.rows.seed(1, 10);
        let point = world.rows.stop_next(Stop::AfterRead);
        let callers: Vec<_> = (0..10_000).map(|_| reader.spawn_get(1)).collect();
        point.reached().await;
        point.open();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Some(10));
        }
        assert_eq!(world.rows.loads(), 1);
    }
}

#[tokio::test]
async fn r13_with_no_tier_at_all_a_burst_costs_two_loads() {
    let rows = std::sync::Arc::<super::register::Rows>::default();
    let store = super::register::CachingRegister::new(std::sync::Arc::clone(&rows), &cache_core::Cache::pass_through());
    let store = std::sync::Arc::new(store);
    let point = rows.stop_next(Stop::AfterRead);
    let spawn = |_| {
        let store = std::sync::Arc::clone(&store);
        tokio::spawn(async move { store.get(1).await.unwrap() })
    };
    let callers: Vec<_> = (0..10_000).map(spawn).collect();
    point.reached().await;
    point.open();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(rows.loads(), 2);
}
