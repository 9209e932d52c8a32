//! R5, R26 and the lease: the local tier answers only while the bus is alive.

use std::time::Duration;

use cache_core::testing::{Operation, Protection};

use super::sync_points::until;
use super::world::{Tier, World};

const LEASE: Duration = Duration::from_secs(1);

/// Loses the bus of a reader, and writes on another instance.
///
/// Returns what the reader reads after the lease.
async fn lost_bus(without: Option<Protection>) -> Option<u64> {
    let world = World::memory(without);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let (reader, writer) = (world.instance_with_lease(LEASE).await, world.instance_with_lease(LEASE).await);
    world.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    reader.chaos.lose_bus();
    writer.set(1, 20).await;
    assert_eq!(reader.get(1).await, Some(10), "within the lease a local hit may be old");
    clock.advance(LEASE);
    reader.get(1).await
}

#[tokio::test]
async fn r5_with_the_bus_lost_local_hits_end_with_the_lease() {
    assert_eq!(lost_bus(None).await, Some(20));
    assert_eq!(lost_bus(Some(Protection::Lease)).await, Some(10), "the control must see the stale value");
}

/// Delivers a heartbeat later than one lease after it was sent.
///
/// Returns whether the local tier is trusted then.
async fn trusted_after_a_late_heartbeat(without: Option<Protection>) -> bool {
    let world = World::memory(without);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let reader = world.instance_with_lease(LEASE).await;
    reader.chaos.hold_bus();
    let heartbeats = reader.chaos.begun(Operation::Heartbeat);
    clock.advance(LEASE / 2);
    until("a heartbeat is sent", || reader.chaos.begun(Operation::Heartbeat) > heartbeats).await;
    clock.advance(LEASE);
    reader.chaos.deliver_bus();
    reader.cache.health().await.local
}

/// The lease counts from the sending of a heartbeat, so a late one prolongs nothing.
#[tokio::test]
async fn r5_a_late_heartbeat_does_not_prolong_the_lease() {
    assert!(!trusted_after_a_late_heartbeat(None).await, "the heartbeat was sent longer ago than the lease");
    assert!(trusted_after_a_late_heartbeat(Some(Protection::LeaseFromSending)).await, "the control must trust it");
}

#[tokio::test]
async fn r26_after_a_flush_of_the_server_no_stale_value_is_read() {
    for world in World::each(None) {
        let one = world.instance().await;
        let two = world.instance().await;
        world.rows.seed(1, 10);
        one.get(1).await;
        until("the value is in the shared tier", || one.stats().fills == 1).await;
        world.tier.flush();
        world.rows.seed(1, 20);
        assert_eq!(two.get(1).await, Some(20));
    }
}
