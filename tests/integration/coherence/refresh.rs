//! R12: a late load overwrites no newer value. R43 in `freshness` has the same for a refresh.
//!
//! It is an ordinary fill, with the generations from before it began.

use cache_core::testing::Protection;

use super::register::Stop;
use super::sync_points::until;
use super::world::{Instance, World};

/// Holds a load of the old value while the row changes and is invalidated.
///
/// Returns the reader, and an instance that has nothing of its own.
async fn overtaken_by_an_invalidation(world: &World) -> (Instance, Instance) {
    let (reader, other, third) = (world.instance().await, world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterRead);
    let slow = reader.spawn_get(1);
    point.reached().await;
    world.rows.seed(1, 20);
    let received = reader.cache.invalidations_received();
    other.store.invalidate_get(1).await;
    until("the invalidation is received", || reader.cache.invalidations_received() > received).await;
    point.open();
    assert_eq!(slow.await.unwrap(), Some(10));
    until("the late value is stored", || reader.stats().fills == 1).await;
    (reader, third)
}

#[tokio::test]
async fn r12_a_late_load_does_not_outlive_an_invalidation() {
    for world in World::each(None) {
        let (reader, third) = overtaken_by_an_invalidation(&world).await;
        assert_eq!((third.get(1).await, reader.get(1).await), (Some(20), Some(20)));
    }
    for world in World::each(Some(Protection::Fence)) {
        let (_, third) = overtaken_by_an_invalidation(&world).await;
        assert_eq!(third.get(1).await, Some(10), "the control must see the stale value in the shared tier");
    }
    for world in World::each(Some(Protection::SequenceCheck)) {
        let (reader, _) = overtaken_by_an_invalidation(&world).await;
        assert_eq!(reader.get(1).await, Some(10), "the control must see the stale value in the local tier");
    }
}
