//! Degraded reads: values loaded while the shared tier is unreachable answer for a short time.

use std::time::Duration;

use cache_core::testing::{ManualClock, Operation, Protection};
use cache_core::{Cache, Mode, Status};

use super::register::Stop;
use super::sync_points::until;
use super::world::{Instance, Tier, World};

const LEASE: Duration = Duration::from_secs(1);
/// One millisecond less than the default period.
const ALMOST: Duration = Duration::from_millis(1999);
const REST: Duration = Duration::from_millis(1);

/// An in-memory world whose shared tier stopped after an instance had connected. Row 1 is 10.
async fn cut_off(without: Option<Protection>) -> (World, ManualClock, Instance) {
    let world = World::memory(without);
    let Tier::Memory(remote, clock) = &world.tier else { unreachable!() };
    let clock = clock.clone();
    let instance = world.instance_with_lease(LEASE).await;
    world.rows.seed(1, 10);
    remote.stop();
    until("the instance has detected the loss", || instance.health().status == Status::Degraded).await;
    (world, clock, instance)
}

#[tokio::test]
async fn a_degraded_entry_is_a_hit_until_its_age_limit() {
    let (world, clock, instance) = cut_off(None).await;
    assert_eq!(instance.get(1).await, Some(10));
    world.rows.seed(1, 20);
    for _ in 0..3 {
        // Failed attempts to connect do not end the period.
        clock.advance(ALMOST / 3);
        tokio::task::yield_now().await;
    }
    assert_eq!(instance.get(1).await, Some(10));
    assert_eq!(instance.store.get_many(&[1]).await.unwrap()[&1], 10, "in a batch too");
    assert_eq!((world.rows.loads(), instance.stats().degraded_hits), (1, 2));
    clock.advance(REST + REST);
    assert_eq!(instance.get(1).await, Some(20));
    assert_eq!(instance.stats().local_hits, 2, "they are hits of the local tier");
}

#[tokio::test]
async fn an_age_counts_from_the_start_of_the_load() {
    let (world, clock, instance) = cut_off(None).await;
    let point = world.rows.stop_next(Stop::AfterRead);
    let slow = instance.spawn_get(1);
    point.reached().await;
    world.rows.seed(1, 20);
    clock.advance(ALMOST);
    point.open();
    assert_eq!(slow.await.unwrap(), Some(10));
    assert_eq!(instance.get(1).await, Some(10), "a millisecond is left");
    clock.advance(REST);
    assert_eq!(instance.get(1).await, Some(20), "counted from the load's end it would answer for two seconds more");
}

/// Writes on a disconnected instance that has just read the row.
///
/// Returns what the instance reads next.
async fn read_after_an_own_write(without: Option<Protection>) -> Option<u64> {
    let (world, _, instance) = cut_off(without).await;
    world.passing_time(instance.set(2, 9)).await;
    instance.get(1).await;
    // In the middle of an outage a write does not wait.
    instance.set(1, 20).await;
    instance.get(1).await
}

#[tokio::test]
async fn r7_a_disconnected_instance_reads_its_own_writes() {
    assert_eq!(read_after_an_own_write(None).await, Some(20));
    assert_eq!(
        read_after_an_own_write(Some(Protection::LocalInvalidation)).await,
        Some(10),
        "the control must see the stale value"
    );
}

/// The message precedes the load and the commit follows it, so nothing invalidates the entry.
///
/// Then a heartbeat returns and the local tier is trusted again. Fails if `keep_degraded` keeps the entry's sequence
/// snapshot unchanged.
#[tokio::test]
async fn a_degraded_entry_is_no_hit_after_the_bus_returns() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let (reader, writer) = (world.instance_with_lease(LEASE).await, world.instance_with_lease(LEASE).await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::BeforeCommit);
    let received = reader.cache.invalidations_received();
    let write = writer.spawn_set(1, 20);
    point.reached().await;
    until("the reader has received the invalidation", || reader.cache.invalidations_received() > received).await;
    reader.chaos.hold_bus();
    reader.chaos.hold(Operation::Heartbeat);
    clock.advance(LEASE);
    assert_eq!(reader.get(1).await, Some(10), "loaded before the commit, and cached");
    assert_eq!(reader.get(1).await, Some(10));
    assert_eq!(reader.stats().degraded_hits, 1);
    point.open();
    write.await.unwrap();
    reader.chaos.release(Operation::Heartbeat);
    reader.chaos.deliver_bus();
    while !reader.cache.health().await.local {
        clock.advance(Duration::from_millis(10));
        tokio::task::yield_now().await;
    }
    assert_eq!(reader.get(1).await, Some(20));
}

#[tokio::test]
async fn no_entry_is_cached_while_a_write_is_undelivered() {
    let (world, _, instance) = cut_off(None).await;
    world.passing_time(instance.set(1, 20)).await;
    assert_eq!(instance.cache.health().await.pending_invalidations, 1);
    for loads in 1..=3 {
        assert_eq!(instance.get(1).await, Some(20));
        assert_eq!(world.rows.loads(), loads);
    }
}

#[tokio::test]
async fn strict_methods_and_methods_without_degraded_reads_load_every_time() {
    let (world, _, instance) = cut_off(None).await;
    let strict = instance.in_mode(Mode::Strict);
    for loads in 1..=2 {
        assert_eq!(strict.get(1).await, Some(10));
        assert_eq!(world.rows.loads(), loads);
    }
    let never = super::register::CachingRegister::new(world.rows.clone(), &unreachable_cache());
    for loads in 3..=4 {
        assert_eq!(never.get(1).await.unwrap(), Some(10));
        assert_eq!(world.rows.loads(), loads);
    }
}

/// A cache that never connects and keeps nothing.
fn unreachable_cache() -> Cache {
    let chaos = cache_core::testing::ChaosRemote::new(cache_core::MemoryRemote::new());
    chaos.fail(Operation::Heartbeat);
    Cache::builder().degraded_ttl(Duration::ZERO).remote(chaos).build().unwrap()
}
