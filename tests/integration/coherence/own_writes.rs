//! R7: an instance reads its own writes despite bus failures and dropped writes.

use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

use cache_core::testing::{Operation, Protection};

use super::register::Stop;
use super::sync_points::until;
use super::world::{Instance, Tier, World};

/// Writes while the bus is silent; returns what the writer reads next.
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
async fn r7_a_writer_does_not_wait_for_its_own_message() {
    for world in World::each(None) {
        assert_eq!(write_while_the_bus_is_silent(world).await, Some(20));
    }
    for world in World::each(Some(Protection::LocalInvalidation)) {
        assert_eq!(write_while_the_bus_is_silent(world).await, Some(10), "the control must see the stale value");
    }
}

/// Drops a write after each number of polls, while the bus is silent.
///
/// Returns how often its own instance then reads something other than the row.
async fn hidden_by_a_dropped_write(without: Option<Protection>) -> usize {
    let mut hidden = 0;
    for polls in 0..12 {
        let world = World::memory(without);
        let writer = world.instance().await;
        world.rows.seed(1, 10);
        writer.get(1).await;
        writer.chaos.hold_bus();
        let mut write = Box::pin(writer.store.set(1, 20));
        for _ in 0..polls {
            if write.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(write);
        hidden += usize::from(writer.get(1).await != world.rows.row(1));
    }
    hidden
}

#[tokio::test]
async fn r7_a_write_dropped_at_any_poll_is_never_hidden_from_its_own_instance() {
    assert_eq!(hidden_by_a_dropped_write(None).await, 0);
    assert!(hidden_by_a_dropped_write(Some(Protection::LocalInvalidation)).await > 0, "the control must hide one");
}

/// Writes without the shared tier; returns what the writer reads next.
async fn write_while_the_shared_tier_is_down(world: World) -> Option<u64> {
    let (writer, other) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    assert_eq!(writer.get(1).await, Some(10));
    until("the value is in the shared tier", || writer.stats().fills == 1).await;
    assert_eq!(other.get(1).await, Some(10));
    writer.chaos.fail(Operation::Lock);
    writer.chaos.fail(Operation::Release);
    writer.set(1, 20).await;
    let seen = writer.get(1).await;
    assert_eq!(writer.get(1).await, seen);
    seen
}

#[tokio::test]
async fn r7_holds_while_the_shared_tier_is_down() {
    for world in World::each(None) {
        assert_eq!(write_while_the_shared_tier_is_down(world).await, Some(20));
    }
    for world in World::each(Some(Protection::Journal)) {
        assert_eq!(write_while_the_shared_tier_is_down(world).await, Some(10), "the control must see the stale value");
    }
}

/// Evicts the lock during a write, and lets the writer read the old value.
///
/// A reader fills that value, and the writer's instance takes it from the shared tier just before the release. Returns
/// what the writer reads once its write is acknowledged. The model in `tests/model` found this order.
async fn write_whose_lock_was_evicted(release: impl Fn(&Instance)) -> Option<u64> {
    let world = World::memory(None);
    let Tier::Memory(remote, _) = &world.tier else { unreachable!() };
    let (writer, reader) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::BeforeCommit);
    let write = writer.spawn_set(1, 20);
    point.reached().await;
    remote.evict_scopes();
    assert_eq!(reader.get(1).await, Some(10));
    until("the old value is in the shared tier", || reader.stats().fills == 1).await;
    writer.chaos.hold(Operation::Release);
    release(&writer);
    point.open();
    until("the release is on its way", || writer.chaos.begun(Operation::Release) == 1).await;
    assert_eq!(writer.get(1).await, Some(10), "nothing is acknowledged yet");
    writer.chaos.release(Operation::Release);
    write.await.unwrap();
    writer.get(1).await
}

#[tokio::test]
async fn r7_holds_if_the_lock_is_lost_during_the_store_call() {
    assert_eq!(write_whose_lock_was_evicted(|writer| writer.chaos.hold_bus()).await, Some(20));
    assert_eq!(write_whose_lock_was_evicted(|writer| writer.chaos.fail(Operation::Release)).await, Some(20));
}

/// The journal overflows, which advances the namespace epoch.
///
/// Until this instance has received the new epoch, the journal covers every scope. The model in `tests/model` found
/// this one as well.
#[tokio::test]
async fn r7_holds_after_an_overflow_of_the_journal() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let writer = world.instance().await;
    world.rows.seed(1, 10);
    assert_eq!(writer.get(1).await, Some(10));
    until("the old value is in the shared tier", || writer.stats().fills == 1).await;
    writer.chaos.fail(Operation::Invalidate);
    world.rows.seed(1, 20);
    for key in 1..=10_001 {
        // Once begun, the invalidation completes in its own task. This test does not wait for the acknowledgement.
        let mut invalidation = Box::pin(writer.store.invalidate_get(key));
        while journal(&writer).await < usize::try_from(key).unwrap() {
            tokio::select! {
                () = &mut invalidation => {}
                () = tokio::task::yield_now() => {}
            }
        }
        // Successful reads keep the connection: errors alone would close it, and the next one starts in another order.
        for other in [1_000_000 + key, 2_000_000 + key] {
            assert_eq!(writer.get(other).await, None);
        }
    }
    assert!(!writer.cache.health().await.breaker_open);
    assert!(writer.cache.health().await.journal_overflowed, "too many for the journal");
    assert_eq!(writer.get(1).await, Some(20));
    writer.chaos.heal(Operation::Invalidate);
    while journal(&writer).await != 0 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(writer.get(1).await, Some(20), "until the others have the invalidation");
        tokio::task::yield_now().await;
    }
    assert_eq!(writer.get(1).await, Some(20), "and when they are");
}

/// The number of pending invalidations; the maximum after an overflow.
async fn journal(instance: &Instance) -> usize {
    let health = instance.cache.health().await;
    if health.journal_overflowed { usize::MAX } else { health.pending_invalidations }
}

#[tokio::test]
async fn a_write_that_definitely_failed_releases_at_once() {
    let world = World::memory(None);
    let (writer, reader) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    writer.store.set(1, u64::MAX).await.unwrap_err();
    assert_eq!(reader.get(1).await, Some(10));
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
}
