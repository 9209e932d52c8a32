//! R17: a write takes longer than its lock. Its release finds the lock gone and creates a new generation.

use cache_core::testing::{Operation, Protection};

use super::register::Stop;
use super::sync_points::until;
use super::world::{Instance, LOCK, World};

/// Fills the old value between the expiry of a writer's lock and its commit.
///
/// Returns that reader, and an instance that has nothing of its own.
async fn write_that_outlasts_its_lock(world: &World) -> (Instance, Instance) {
    let (writer, reader, third) = (world.instance().await, world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::BeforeCommit);
    let slow = writer.spawn_set(1, 20);
    point.reached().await;
    world.locks_expire().await;
    assert_eq!(reader.get(1).await, Some(10));
    until("the old value is in the shared tier", || reader.stats().fills == 1).await;
    point.open();
    slow.await.unwrap();
    (reader, third)
}

#[tokio::test]
async fn r17_a_release_whose_lock_is_missing_invalidates() {
    for world in World::each(None) {
        let (reader, third) = write_that_outlasts_its_lock(&world).await;
        assert_eq!(third.get(1).await, Some(20));
        until("the reader has received the invalidation", || reader.store.peek_get(1).is_none()).await;
        assert_eq!(reader.get(1).await, Some(20));
    }
    for world in World::each(Some(Protection::LostLock)) {
        let (reader, third) = write_that_outlasts_its_lock(&world).await;
        assert_eq!(third.get(1).await, Some(10), "the control must see the stale value");
        assert_eq!(reader.get(1).await, Some(10), "in the local tier too");
    }
}

/// The same with an expired lease: the writer distrusts its connection and sends no release.
///
/// Returns what a new instance reads before and after the writer's next heartbeats.
async fn write_that_outlasts_its_lock_and_its_lease(without: Option<Protection>) -> [Option<u64>; 2] {
    let world = World::memory(without);
    let lease = LOCK / 2;
    let (writer, reader) = (world.instance_with_lease(lease).await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::BeforeCommit);
    let slow = writer.spawn_set(1, 20);
    point.reached().await;
    writer.chaos.hold(Operation::Heartbeat);
    world.locks_expire().await;
    assert_eq!(reader.get(1).await, Some(10));
    until("the old value is in the shared tier", || reader.stats().fills == 1).await;
    point.open();
    world.passing_time(slow).await.unwrap();
    let before = world.instance().await.get(1).await;
    writer.chaos.release(Operation::Heartbeat);
    world.two_heartbeats(&writer, lease).await;
    [before, world.instance().await.get(1).await]
}

#[tokio::test]
async fn r17_a_writer_that_distrusts_its_connection_delivers_with_its_next_heartbeat() {
    let seen = write_that_outlasts_its_lock_and_its_lease(None).await;
    assert_eq!(seen, [Some(20), Some(20)], "the invalidation is delivered before the acknowledgement");
    let seen = write_that_outlasts_its_lock_and_its_lease(Some(Protection::Journal)).await;
    assert_eq!(seen, [Some(10), Some(10)], "the control must see the stale value");
}
