//! `TransparentCache`: values without a store.

use std::time::Duration;

use cache_core::{Backend, Cache};

use super::sync_points::until;
use super::world::{Tier, World};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_set_or_delete_is_seen_by_the_other_instance() {
    for world in World::each(None) {
        let (one, two) = (world.instance().await, world.instance().await);
        let (first, second) =
            (one.cache.transparent::<u64>("race:test", "adhoc"), two.cache.transparent("race:test", "adhoc"));
        assert_eq!(first.get("k").await, None);
        for value in 0..50 {
            let received = two.cache.invalidations_received();
            first.set("k", value, MINUTE).await;
            until("the invalidation is received", || two.cache.invalidations_received() > received).await;
            assert_eq!(first.get("k").await, Some(value));
            assert_eq!(second.get("k").await, Some(value));
            assert_eq!(second.get("k").await, Some(value), "from the local tier now");
        }
        let received = two.cache.invalidations_received();
        first.del("k").await;
        until("the invalidation is received", || two.cache.invalidations_received() > received).await;
        assert_eq!((first.get("k").await, second.get("k").await), (None, None));
    }
}

#[tokio::test]
async fn a_value_expires_with_its_own_time_to_live() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let cache = world.instance().await.cache.transparent::<String>("race:test", "adhoc");
    cache.set("short", "s".into(), Duration::from_secs(5)).await;
    cache.set("long", "l".into(), Duration::from_secs(50)).await;
    clock.advance(Duration::from_secs(5));
    assert_eq!((cache.get("short").await, cache.get("long").await), (None, Some("l".into())));
}

#[tokio::test]
async fn two_writers_never_leave_two_values() {
    for world in World::each(None) {
        let (one, two) = (world.instance().await, world.instance().await);
        let (first, second) =
            (one.cache.transparent::<u64>("race:test", "adhoc"), two.cache.transparent("race:test", "adhoc"));
        for round in 0..50 {
            tokio::join!(first.set("k", round * 2, MINUTE), second.set("k", round * 2 + 1, MINUTE));
            let (seen, other) = (first.get("k").await, second.get("k").await);
            assert!(seen.is_none() || other.is_none() || seen == other, "{seen:?} and {other:?}");
        }
    }
}

#[tokio::test]
async fn without_a_backend_no_value_is_kept() {
    let cache = Cache::pass_through().transparent::<u64>("race:test", "adhoc");
    cache.set("k", 1, MINUTE).await;
    assert_eq!((cache.get("k").await, cache.backend()), (None, Backend::PassThrough));
}
