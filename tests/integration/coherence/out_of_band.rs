//! R19: a row changes without the application.
//!
//! The cache receives no invalidation, so the time to live is the bound, unless a caller invalidates the entry.

use std::time::{Duration, Instant};

use cache_core::ReadPolicy;

use super::register::CachingRegister;
use super::sync_points::until;
use super::world::World;

#[tokio::test]
async fn r19_a_change_without_the_cache_is_read_after_the_time_to_live() {
    const LIFE: Duration = Duration::from_secs(2);
    let world = World::redis(None);
    for policy in [|policy: ReadPolicy| policy.ttl(LIFE), |policy: ReadPolicy| policy.ttl(LIFE).local_off()] {
        let instance = world.instance().await;
        let store = CachingRegister::builder(world.rows.clone(), &instance.cache).get(policy).build();
        instance.store.invalidate_get(1).await;
        world.rows.seed(1, 10);
        assert_eq!(store.get(1).await, Ok(Some(10)));
        let loaded = Instant::now();
        until("the value is in the shared tier", || instance.stats().fills == 1).await;
        world.rows.seed(1, 20);
        assert_eq!(store.get(1).await, Ok(Some(10)), "the cache has received no invalidation");
        loop {
            let began = loaded.elapsed();
            if store.get(1).await == Ok(Some(20)) {
                break;
            }
            assert!(began < LIFE, "a value of {LIFE:?} was answered to a read that began after {began:?}");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn r19_an_explicit_invalidation_ends_the_staleness_at_once() {
    for world in World::each(None) {
        let (one, two, operator) = (world.instance().await, world.instance().await, world.instance().await);
        world.rows.seed(1, 10);
        assert_eq!((one.get(1).await, two.get(1).await), (Some(10), Some(10)));
        world.rows.seed(1, 20);
        assert_eq!((one.get(1).await, two.get(1).await), (Some(10), Some(10)), "the control: without an invalidation");
        operator.store.invalidate_get(1).await;
        assert_eq!(world.instance().await.get(1).await, Some(20), "through the shared tier at once");
        for instance in [&one, &two] {
            until("it has received the invalidation", || instance.store.peek_get(1).is_none()).await;
            assert_eq!(instance.get(1).await, Some(20));
        }
    }
}
