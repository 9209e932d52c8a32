//! R1, R2, R3: a slow fill puts no old value back into either tier.

use cache_core::testing::{Operation, Protection};

use super::register::Stop;
use super::sync_points::until;
use super::world::World;

/// Fills an old value after a write has completed.
///
/// Returns what a third instance reads.
async fn slow_fill_of_the_shared_tier(world: World) -> Option<u64> {
    let (reader, writer, third) = (world.instance().await, world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterRead);
    let slow = reader.spawn_get(1);
    point.reached().await;
    writer.set(1, 20).await;
    point.open();
    assert_eq!(slow.await.unwrap(), Some(10), "a read that began before the write may return the old value");
    until("the slow fill is stored", || reader.stats().fills == 1).await;
    third.get(1).await
}

#[tokio::test]
async fn r1_a_slow_fill_does_not_outlive_a_write() {
    for world in World::each(None) {
        assert_eq!(slow_fill_of_the_shared_tier(world).await, Some(20));
    }
    for world in World::each(Some(Protection::Fence)) {
        assert_eq!(slow_fill_of_the_shared_tier(world).await, Some(10), "the control must see the stale value");
    }
}

/// Delivers an invalidation between a reader's load and its fill of the local tier.
///
/// Returns what the reader reads next.
async fn slow_fill_of_the_local_tier(world: World) -> Option<u64> {
    let (reader, writer) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterRead);
    let slow = reader.spawn_get(1);
    point.reached().await;
    let received = reader.cache.invalidations_received();
    writer.set(1, 20).await;
    until("the invalidation is received", || reader.cache.invalidations_received() > received).await;
    point.open();
    assert_eq!(slow.await.unwrap(), Some(10));
    reader.get(1).await
}

#[tokio::test]
async fn r2_an_overtaken_fill_of_the_local_tier_is_refused() {
    for world in World::each(None) {
        assert_eq!(slow_fill_of_the_local_tier(world).await, Some(20));
    }
    for world in World::each(Some(Protection::SequenceCheck)) {
        assert_eq!(slow_fill_of_the_local_tier(world).await, Some(10), "the control must see the stale value");
    }
}

/// Delivers an invalidation before an older answer of the shared tier.
///
/// Returns what the reader reads next.
async fn slow_answer_of_the_shared_tier(world: World) -> Option<u64> {
    let (reader, writer) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    assert_eq!(writer.get(1).await, Some(10));
    until("the value is in the shared tier", || writer.stats().fills == 1).await;
    reader.chaos.hold(Operation::ReadReply);
    let slow = reader.spawn_get(1);
    until("the reply is in transit", || reader.chaos.begun(Operation::ReadReply) == 1).await;
    let received = reader.cache.invalidations_received();
    writer.set(1, 20).await;
    until("the invalidation is received", || reader.cache.invalidations_received() > received).await;
    reader.chaos.release(Operation::ReadReply);
    assert_eq!(slow.await.unwrap(), Some(10));
    assert_eq!(reader.stats().shared_hits, 1, "the old value came from the shared tier");
    reader.get(1).await
}

#[tokio::test]
async fn r3_a_reply_overtaken_by_the_invalidation_does_not_enter_the_local_tier() {
    for world in World::each(None) {
        assert_eq!(slow_answer_of_the_shared_tier(world).await, Some(20));
    }
    for world in World::each(Some(Protection::SequenceCheck)) {
        assert_eq!(slow_answer_of_the_shared_tier(world).await, Some(10), "the control must see the stale value");
    }
}
