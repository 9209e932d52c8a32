//! R5, R26 and the lease: the local tier answers only while the bus is alive.

use std::time::Duration;

use cache_core::testing::{Operation, Weakness};

use super::gate::until;
use super::world::{Tier, World};

const LEASE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn r5_with_the_bus_lost_local_hits_end_with_the_lease() {
    let world = World::memory(Weakness::None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let (reader, writer) = (world.instance_with_lease(LEASE).await, world.instance_with_lease(LEASE).await);
    world.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    reader.chaos.lose_bus();
    writer.set(1, 20).await;
    assert_eq!(reader.get(1).await, Some(10), "within the lease a local hit may be old");
    clock.advance(LEASE);
    assert_eq!(reader.get(1).await, Some(20), "not after it");
    assert!(!reader.cache.health().await.local);
}

/// A beat counts from when it was sent: one that comes back late must not prolong the trust.
#[tokio::test]
async fn r5_a_late_beat_does_not_prolong_the_lease() {
    let world = World::memory(Weakness::None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let reader = world.instance_with_lease(LEASE).await;
    reader.chaos.hold_bus();
    let beats = reader.chaos.begun(Operation::Beat);
    clock.advance(LEASE / 2);
    until("a beat is sent", || reader.chaos.begun(Operation::Beat) > beats).await;
    clock.advance(LEASE);
    reader.chaos.deliver_bus();
    assert!(!reader.cache.health().await.local, "the beat was sent longer ago than the lease");
}

#[tokio::test]
async fn r26_after_a_flush_of_the_server_nothing_old_answers() {
    for world in World::each(Weakness::None) {
        let one = world.instance().await;
        let two = world.instance().await;
        world.rows.seed(1, 10);
        one.get(1).await;
        until("the value is in the shared tier", || one.stats().fills == 1).await;
        match &world.tier {
            Tier::Memory(remote, _) => remote.flush_all(),
            Tier::Redis(server) => drop(server.raw(&["FLUSHALL"]).unwrap()),
        }
        world.rows.seed(1, 20);
        assert_eq!(two.get(1).await, Some(20));
    }
}

#[tokio::test]
async fn r21_a_token_that_was_evicted_does_not_come_back() {
    for world in World::each(Weakness::None) {
        let (one, two) = (world.instance().await, world.instance().await);
        world.rows.seed(1, 10);
        one.get(1).await;
        until("the value is in the shared tier", || one.stats().fills == 1).await;
        world.rows.seed(1, 20);
        match &world.tier {
            Tier::Memory(remote, _) => remote.evict_scopes(),
            Tier::Redis(server) => drop(server.raw(&["DEL", "g:{race:test:register:1}"]).unwrap()),
        }
        assert_eq!(two.get(1).await, Some(20), "the entry has the stamp of a token that is gone");
    }
}
