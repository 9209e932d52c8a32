//! R26 on real servers: FLUSHALL in the middle of a load.

use std::time::Duration;

use cache_core::testing::{Operation, Protection};

use super::super::register::Stop;
use super::super::sync_points::until;
use super::super::world::{Tier, World};

const LEASE: Duration = Duration::from_secs(2);

fn flush(world: &World) {
    let Tier::Redis(server) = &world.tier else { unreachable!() };
    assert_eq!(server.raw(&["FLUSHALL"]).unwrap(), "OK");
}

/// Changes a row without the cache and flushes the server during its load.
///
/// Returns what another instance reads after that load's fill.
async fn flush_in_a_load(without: Option<Protection>) -> Option<u64> {
    let world = World::redis(without);
    let (one, two) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterRead);
    let load = one.spawn_get(1);
    point.reached().await;
    world.rows.seed(1, 20);
    flush(&world);
    point.open();
    assert_eq!(load.await.unwrap(), Some(10), "it began before");
    until("the old row is in the shared tier", || one.stats().fills == 1).await;
    two.get(1).await
}

#[tokio::test]
async fn r26_an_entry_loaded_before_a_flush_is_no_hit_after_it() {
    assert_eq!(flush_in_a_load(None).await, Some(20));
    assert_eq!(flush_in_a_load(Some(Protection::Fence)).await, Some(10), "the control must see the stale value");
}

/// The same for the local tier of the instance that loaded.
///
/// Returns what it reads after the next heartbeat, which brings another namespace epoch.
async fn flush_and_a_heartbeat(without: Option<Protection>) -> Option<u64> {
    let world = World::redis(without);
    let one = world.instance_with_lease(LEASE).await;
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterRead);
    let load = one.spawn_get(1);
    point.reached().await;
    flush(&world);
    point.open();
    load.await.unwrap();
    world.rows.seed(1, 20);
    let heartbeats = one.chaos.begun(Operation::Heartbeat);
    until("a heartbeat has returned", || one.chaos.begun(Operation::Heartbeat) >= heartbeats + 3).await;
    one.get(1).await
}

#[tokio::test]
async fn r26_a_flush_reaches_the_local_tiers_with_the_next_heartbeat() {
    assert_eq!(flush_and_a_heartbeat(None).await, Some(20));
    assert_eq!(
        flush_and_a_heartbeat(Some(Protection::FlushOnLoss)).await,
        Some(10),
        "the control must see the stale value"
    );
}
