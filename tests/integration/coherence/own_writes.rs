//! R7: an instance reads its own writes, whatever the bus does and wherever the write was cut off.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cache_core::testing::{Operation, Weakness};

use super::gate::until;
use super::world::World;

/// A write while the bus is silent. What the writer reads after it.
async fn write_while_the_bus_is_silent(world: World) -> Option<u64> {
    let writer = world.instance().await;
    world.rows.seed(1, 10);
    assert_eq!(writer.get(1).await, Some(10));
    assert_eq!(writer.store.peek_get(1), Some(Some(10)), "the local tier has the old value");
    writer.chaos.hold_bus();
    writer.set(1, 20).await;
    writer.get(1).await
}

#[tokio::test]
async fn r7_the_writer_does_not_wait_for_its_own_news() {
    for world in World::each(Weakness::None) {
        assert_eq!(write_while_the_bus_is_silent(world).await, Some(20));
    }
    for world in World::each(Weakness::NoLocalAdvance) {
        assert_eq!(write_while_the_bus_is_silent(world).await, Some(10), "the control must see the stale value");
    }
}

#[tokio::test]
async fn r7_a_write_that_is_dropped_anywhere_is_never_hidden_from_its_own_instance() {
    for polls in 0..12 {
        let world = World::memory(Weakness::None);
        let writer = world.instance().await;
        world.rows.seed(1, 10);
        writer.get(1).await;
        let mut write = Box::pin(writer.store.set(1, 20));
        for _ in 0..polls {
            if write.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(write);
        assert_eq!(writer.get(1).await, world.rows.row(1), "dropped after {polls} polls");
    }
}

#[tokio::test]
async fn r7_holds_while_the_shared_tier_is_down() {
    for world in World::each(Weakness::None) {
        let (writer, other) = (world.instance().await, world.instance().await);
        world.rows.seed(1, 10);
        assert_eq!(writer.get(1).await, Some(10));
        until("the value is in the shared tier", || writer.stats().fills == 1).await;
        assert_eq!(other.get(1).await, Some(10));
        writer.chaos.fail(Operation::Intent);
        writer.chaos.fail(Operation::Release);
        writer.set(1, 20).await;
        for _ in 0..3 {
            assert_eq!(writer.get(1).await, Some(20));
        }
        assert_eq!(writer.cache.health().await.journal, 1, "Redis has not heard of the write");
    }
}

/// A write whose future is polled once and dropped leaves no lock that nobody ends: the next writer is done.
#[tokio::test]
async fn r7_a_refused_write_releases_at_once_and_one_of_unknown_outcome_does_not() {
    let world = World::memory(Weakness::None);
    let (writer, reader) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    writer.store.set(1, u64::MAX).await.unwrap_err();
    reader.get(1).await;
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    let gate = world.rows.stop_next(super::register::Stop::AfterCommit);
    let mut write = pin!({
        let store = Arc::clone(&writer.store);
        async move { store.set(1, 20).await }
    });
    while let Poll::Pending = write.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        if world.rows.row(1) == Some(20) {
            break;
        }
        tokio::task::yield_now().await;
    }
    gate.reached().await;
    assert_eq!(reader.get(1).await, Some(20), "locked: read from the store");
    assert_eq!(reader.get(1).await, Some(20));
    assert_eq!(reader.stats().bypasses, 2, "and filled nowhere");
}
