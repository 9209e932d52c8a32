//! Without faults, hits do not reach the store, and other instances see writes.

use super::sync_points::until;
use super::world::World;

#[tokio::test]
async fn a_hit_of_either_tier_does_not_touch_the_store() {
    for world in World::each(None) {
        let (one, two) = (world.instance().await, world.instance().await);
        world.rows.seed(1, 10);
        assert_eq!(one.get(1).await, Some(10));
        until("the value is in the shared tier", || one.stats().fills == 1).await;
        for _ in 0..100 {
            assert_eq!(one.get(1).await, Some(10));
            assert_eq!(two.get(1).await, Some(10));
        }
        assert_eq!(world.rows.loads(), 1);
        assert_eq!(one.stats().local_hits, 100);
        assert_eq!((two.stats().shared_hits, two.stats().local_hits), (1, 99));
    }
}

#[tokio::test]
async fn t1_a_write_is_seen_by_the_next_read_of_another_instance_through_the_shared_tier() {
    for world in World::each(None) {
        let writer = world.instance().await;
        for value in 1..100 {
            writer.set(1, value).await;
            assert_eq!(writer.get(1).await, Some(value));
            until("the value is in the shared tier", || writer.stats().fills == value).await;
            // A new instance has an empty local tier.
            if value % 20 == 0 {
                let other = world.instance().await;
                assert_eq!(other.get(1).await, Some(value));
                assert_eq!(other.stats().shared_hits, 1);
            }
        }
    }
}

#[tokio::test]
async fn t2_local_hits_follow_the_bus() {
    for world in World::each(None) {
        let (writer, reader) = (world.instance().await, world.instance().await);
        world.rows.seed(1, 0);
        for value in 1..100 {
            reader.get(1).await;
            let received = reader.cache.invalidations_received();
            writer.set(1, value).await;
            until("the invalidation is received", || reader.cache.invalidations_received() > received).await;
            assert_eq!(reader.get(1).await, Some(value));
        }
    }
}

#[tokio::test]
async fn a_group_is_invalidated_as_one_and_its_neighbours_are_not() {
    for world in World::each(None) {
        let (one, two) = (world.instance().await, world.instance().await);
        for store in [&one.store, &two.store] {
            assert_eq!(store.text("a", "x").await.unwrap(), "0/a/x");
            assert_eq!(store.text("a", "y").await.unwrap(), "0/a/y");
            assert_eq!(store.text("ab", "x").await.unwrap(), "0/ab/x");
        }
        let received = two.cache.invalidations_received();
        one.store.touch("a").await.unwrap();
        until("the invalidation is received", || two.cache.invalidations_received() > received).await;
        for store in [&one.store, &two.store] {
            assert_eq!(store.text("a", "x").await.unwrap(), "1/a/x");
            assert_eq!(store.text("a", "y").await.unwrap(), "1/a/y");
            assert_eq!(store.text("ab", "x").await.unwrap(), "0/ab/x");
        }
    }
}

#[tokio::test]
async fn invalidate_all_reaches_every_instance() {
    for world in World::each(None) {
        let (one, two) = (world.instance().await, world.instance().await);
        world.rows.seed(1, 10);
        one.get(1).await;
        two.get(1).await;
        world.rows.seed(1, 20);
        let received = two.cache.invalidations_received();
        one.store.invalidate_all().await;
        until("the invalidations are received", || two.cache.invalidations_received() >= received + 2).await;
        assert_eq!(one.get(1).await, Some(20));
        assert_eq!(two.get(1).await, Some(20));
    }
}
