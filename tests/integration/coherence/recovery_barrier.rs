//! Outages of all instances: their beginning, and the independent return of each instance.

use std::time::Duration;

use cache_core::testing::{Operation, Protection};
use cache_core::{LinkStatus, Status};

use super::sync_points::until;
use super::world::{Instance, Tier, World};

const LEASE: Duration = Duration::from_secs(1);

/// Two instances whose shared tier holds the old value of row 1.
async fn reader_and_writer(world: &World) -> (Instance, Instance) {
    let (reader, writer) = (world.instance_with_lease(LEASE).await, world.instance_with_lease(LEASE).await);
    world.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    until("the old value is in the shared tier", || reader.stats().fills == 1).await;
    (reader, writer)
}

/// Stops the shared tier, writes on one instance, and lets the reader reconnect first.
///
/// Returns what the reader reads before and after the writer has delivered its invalidation.
async fn first_one_back(without: Option<Protection>) -> [Option<u64>; 2] {
    let world = World::memory(without);
    let Tier::Memory(remote, _) = &world.tier else { unreachable!() };
    let (reader, writer) = reader_and_writer(&world).await;
    remote.stop();
    for instance in [&reader, &writer] {
        until("the outage is detected", || instance.health().status == Status::Degraded).await;
    }
    world.passing_time(writer.set(1, 20)).await;
    for operation in [Operation::Heartbeat, Operation::Invalidate] {
        writer.chaos.hold(operation);
    }
    remote.resume();
    let is_back = async {
        while !matches!(reader.health().link, LinkStatus::Recovering | LinkStatus::Up) {
            tokio::task::yield_now().await;
        }
    };
    world.passing_time(is_back).await;
    let before = reader.get(1).await;
    for operation in [Operation::Heartbeat, Operation::Invalidate] {
        writer.chaos.release(operation);
    }
    let are_settled = async {
        while !(reader.health().shared && writer.health().pending_invalidations == 0) {
            tokio::task::yield_now().await;
        }
    };
    world.passing_time(are_settled).await;
    [before, reader.get(1).await]
}

#[tokio::test]
async fn r36_the_first_instance_to_reconnect_reads_no_entry_with_a_pending_invalidation() {
    assert_eq!(first_one_back(None).await, [Some(20); 2]);
    assert_eq!(
        first_one_back(Some(Protection::RecoveryBarrier)).await[0],
        Some(10),
        "the control must see the stale value"
    );
}

/// Refuses only a writer's write locks and invalidations.
///
/// Returns what another instance reads from the shared tier once the write is acknowledged.
async fn refused_writer(world: World) -> Option<u64> {
    let (reader, writer) = reader_and_writer(&world).await;
    for operation in [Operation::Lock, Operation::Release, Operation::Invalidate] {
        writer.chaos.fail(operation);
    }
    world.passing_time(writer.set(1, 20)).await;
    reader.get(1).await
}

#[tokio::test]
async fn r37_a_write_without_a_write_lock_is_acknowledged_when_no_older_value_is_read() {
    for world in World::each(None) {
        assert_eq!(refused_writer(world).await, Some(20));
    }
    for world in World::each(Some(Protection::LateAcknowledgement)) {
        assert_eq!(refused_writer(world).await, Some(10), "the control must see the stale value");
    }
}

/// Counts the write locks of a writer whose local tier is not trusted.
///
/// Redis answers the writer's heartbeats but they do not return over the bus, as before the first heartbeat or during
/// the subscription to a new namespace.
async fn write_locks_of_an_untrusted_writer(world: World) -> u64 {
    let (reader, writer) = reader_and_writer(&world).await;
    writer.chaos.hold_bus();
    let is_off = async {
        while writer.health().local {
            tokio::task::yield_now().await;
        }
    };
    world.passing_time(is_off).await;
    let before = writer.chaos.begun(Operation::Lock);
    world.passing_time(writer.set(1, 20)).await;
    assert_eq!(reader.get(1).await, Some(20));
    writer.chaos.begun(Operation::Lock) - before
}

#[tokio::test]
async fn r38_a_writer_places_write_locks_while_its_local_tier_is_not_trusted() {
    for world in World::each(None) {
        assert_eq!(write_locks_of_an_untrusted_writer(world).await, 1);
    }
    let world = World::memory(Some(Protection::EarlyAnnouncements));
    assert_eq!(write_locks_of_an_untrusted_writer(world).await, 0, "the control must not place a write lock");
}

/// A returning instance waits up to the limit for crashed members, not for departed ones.
#[tokio::test]
async fn a_returning_instance_waits_for_members_that_may_return() {
    let world = World::memory(None);
    let Tier::Memory(remote, clock) = &world.tier else { unreachable!() };
    let (reader, leaver) = reader_and_writer(&world).await;
    let crashed = world.instance_with_lease(LEASE).await;
    leaver.cache.shutdown().await;
    crashed.chaos.hold(Operation::Heartbeat);
    remote.stop();
    until("the outage is detected", || reader.health().status == Status::Degraded).await;
    remote.resume();
    let is_back = async {
        while reader.health().link != LinkStatus::Recovering {
            tokio::task::yield_now().await;
        }
    };
    world.passing_time(is_back).await;
    assert_eq!(reader.health().awaited.len(), 1, "{}", reader.health());
    let began = clock.elapsed();
    let is_settled = async {
        while !reader.health().shared {
            tokio::task::yield_now().await;
        }
    };
    world.passing_time(is_settled).await;
    assert_eq!(reader.health().isolated.len(), 1, "{}", reader.health());
    let waited = clock.elapsed().saturating_sub(began);
    assert!((LEASE * 9..LEASE * 11).contains(&waited), "the limit is ten leases: {waited:?}");
}

/// Nothing delivers the journal after a shutdown, so a write must not wait for it.
#[tokio::test]
async fn a_write_after_a_shutdown_is_acknowledged() {
    for world in World::each(None) {
        let (_, writer) = reader_and_writer(&world).await;
        writer.cache.shutdown().await;
        let changes = async {
            writer.set(1, 20).await;
            writer.store.invalidate_get(1).await;
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), changes).await;
        assert!(ended.is_ok(), "the write waits for a delivery that nothing makes");
        assert_eq!(writer.get(1).await, Some(20));
    }
}

/// No heartbeat follows the departure, since it would restore the instance as a crashed member.
#[tokio::test]
async fn an_instance_that_leaves_sends_no_more_heartbeats() {
    let world = World::memory(None);
    let (reader, leaver) = reader_and_writer(&world).await;
    leaver.chaos.hold(Operation::Leave);
    let cache = leaver.cache.clone();
    let shutdown = tokio::spawn(async move { cache.shutdown().await });
    until("the instance leaves", || leaver.chaos.begun(Operation::Leave) == 1).await;
    let (own, others) = (leaver.chaos.begun(Operation::Heartbeat), reader.chaos.begun(Operation::Heartbeat));
    let time_passes = async {
        while reader.chaos.begun(Operation::Heartbeat) < others + 2 {
            tokio::task::yield_now().await;
        }
    };
    world.passing_time(time_passes).await;
    assert_eq!(leaver.chaos.begun(Operation::Heartbeat), own);
    leaver.chaos.release(Operation::Leave);
    shutdown.await.unwrap();
}

/// A shutdown waits for a release and sends heartbeats meanwhile.
///
/// Without them the other instances would take this one for a crashed member.
#[tokio::test]
async fn heartbeats_go_on_until_the_work_of_a_shutdown_is_done() {
    let world = World::memory(None);
    let (reader, writer) = reader_and_writer(&world).await;
    writer.chaos.hold(Operation::Release);
    let write = writer.spawn_set(1, 20);
    until("the release is on its way", || writer.chaos.begun(Operation::Release) == 1).await;
    let cache = writer.cache.clone();
    let shutdown = tokio::spawn(async move { cache.shutdown().await });
    let heartbeats = writer.chaos.begun(Operation::Heartbeat);
    let are_sent = async {
        while writer.chaos.begun(Operation::Heartbeat) < heartbeats + 2 {
            tokio::task::yield_now().await;
        }
    };
    let sent = tokio::time::timeout(Duration::from_secs(20), world.passing_time(are_sent)).await;
    assert!(sent.is_ok(), "the heartbeats have stopped");
    writer.chaos.release(Operation::Release);
    write.await.unwrap();
    shutdown.await.unwrap();
    assert_eq!(reader.get(1).await, Some(20));
}

/// A hung load does not delay a shutdown, and health reports the shutdown.
#[tokio::test]
async fn a_shutdown_is_bounded_and_seen_in_health() {
    for world in World::each(None) {
        let instance = world.instance().await;
        let point = world.rows.stop_next(super::register::Stop::AfterRead);
        let read = instance.spawn_get(1);
        point.reached().await;
        let shutdown = async {
            tokio::join!(instance.cache.shutdown(), async {
                if let Tier::Memory(_, clock) = &world.tier {
                    tokio::task::yield_now().await;
                    clock.advance(Duration::from_secs(10));
                }
            })
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), shutdown).await;
        assert!(ended.is_ok(), "the shutdown waits for a load that hangs");
        let health = instance.health();
        assert_eq!((health.status, health.link), (Status::Degraded, LinkStatus::ShutDown), "{health}");
        point.open();
        assert_eq!(read.await.unwrap(), None);
    }
}
