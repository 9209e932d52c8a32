//! Health in every state of a cache.

use std::time::Duration;

use cache_core::testing::Operation;
use cache_core::{Cache, LinkStatus, Status};

use super::super::sync_points::until;
use super::super::world::{Instance, Tier, World};

const LEASE: Duration = Duration::from_secs(1);

/// The maximum age of a clock reading.
const GRANULARITY: Duration = Duration::from_millis(10);

async fn bound(instance: &Instance) -> Duration {
    instance.cache.health().await.staleness_bound
}

/// The bound grows from a returned heartbeat to the lease, then equals the degraded TTL.
///
/// Fails if it counts from the return of the heartbeat.
#[tokio::test]
async fn the_bound_grows_until_a_heartbeat_or_the_end_of_the_lease() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let instance = world.instance_with_lease(LEASE).await;
    assert_eq!(bound(&instance).await, GRANULARITY);

    instance.chaos.hold(Operation::Heartbeat);
    let sent = instance.chaos.begun(Operation::Heartbeat);
    clock.advance(LEASE / 2);
    until("a heartbeat is under way", || instance.chaos.begun(Operation::Heartbeat) > sent).await;
    clock.advance(LEASE / 4);
    assert_eq!(bound(&instance).await, LEASE * 3 / 4 + GRANULARITY, "a heartbeat in transit proves nothing");
    instance.chaos.release(Operation::Heartbeat);
    let health = || async { instance.cache.health().await };
    while health().await.last_heartbeat != Some(Duration::ZERO) {
        tokio::task::yield_now().await;
    }
    assert_eq!(bound(&instance).await, LEASE / 4 + GRANULARITY, "it counts from when it was sent");
    assert_eq!(health().await.heartbeat_rtt, Some(LEASE / 4));

    instance.chaos.lose_bus();
    clock.advance(LEASE);
    let health = health().await;
    assert_eq!(
        (health.local, health.staleness_bound),
        (false, Duration::from_secs(2)),
        "an entry loaded from here on may be a hit for a while"
    );
}

/// With an undelivered invalidation, an old value is never staler than the reported bound.
#[tokio::test]
async fn a_local_hit_is_never_older_than_the_bound() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let (reader, writer) = (world.instance_with_lease(LEASE).await, world.instance_with_lease(LEASE).await);
    world.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    reader.chaos.lose_bus();
    writer.set(1, 20).await;
    let (step, mut behind, mut steps) = (Duration::from_millis(50), Duration::ZERO, 0);
    while reader.get(1).await == Some(10) {
        let bound = bound(&reader).await;
        assert!(behind <= bound, "the answer is {behind:?} behind, and the bound is {bound:?}");
        clock.advance(step);
        (behind, steps) = (behind + step, steps + 1);
    }
    assert!(steps > 10, "it was answered for a while: {steps}");
}

#[tokio::test]
async fn caches_without_a_shared_tier_have_no_link_and_no_bound() {
    for (cache, local) in [(Cache::pass_through(), false), (Cache::single_instance(), true)] {
        let health = cache.health().await;
        assert_eq!((health.status, health.link, health.shared), (Status::Healthy, LinkStatus::Absent, false));
        assert_eq!((health.local, health.staleness_bound), (local, Duration::ZERO));
    }
}

/// The successive states of the link, in health and in its log line.
#[tokio::test]
async fn the_link_state_is_one_word() {
    let world = World::memory(None);
    let Tier::Memory(remote, clock) = &world.tier else { unreachable!() };
    let instance = world.instance().await;
    let line = || async { instance.cache.health().await.to_string() };
    assert!(line().await.starts_with("status=healthy backend=memory link=up shared=true local=true"));
    remote.stop();
    while instance.cache.health().await.link != LinkStatus::Down {
        tokio::task::yield_now().await;
    }
    world.passing_time(instance.set(1, 10)).await;
    let down = line().await;
    assert!(down.starts_with("status=degraded backend=memory link=down shared=false local=false"), "{down}");
    assert!(down.contains(" pending_invalidations=1 ") && down.contains(" error=\""), "{down}");
    remote.start();
    while instance.cache.health().await.link != LinkStatus::Up {
        clock.advance(Duration::from_millis(20));
        tokio::task::yield_now().await;
    }
    assert!(line().await.contains(" pending_invalidations=0 "));
}
