//! R10, R16: the first of two writers to finish must not unlock for the other.

use cache_core::testing::Protection;

use super::register::Stop;
use super::sync_points::until;
use super::world::World;

/// Lets the second of two writers commit and die after the first has released.
///
/// Returns what a reader sees when the dead writer's lock has expired.
async fn second_writer_dies(world: World) -> Option<u64> {
    let (first, second, reader) = (world.instance().await, world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let before = world.rows.stop_next(Stop::BeforeCommit);
    let dying = second.spawn_set(1, 30);
    before.reached().await;
    first.set(1, 20).await;
    // Without the protection, this read fills what the second writer is about to replace.
    assert_eq!(reader.get(1).await, Some(20));
    let after = world.rows.stop_next(Stop::AfterCommit);
    before.open();
    after.reached().await;
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    let late = world.instance().await;
    world.locks_expire().await;
    late.get(1).await
}

#[tokio::test]
async fn r10_a_release_ends_only_its_own_lock() {
    for world in World::each(None) {
        assert_eq!(second_writer_dies(world).await, Some(30));
    }
    for world in World::each(Some(Protection::WriterTokens)) {
        assert_eq!(second_writer_dies(world).await, Some(20), "the control must see the stale value");
    }
}

#[tokio::test]
async fn r10_the_last_commit_is_read_after_both_releases() {
    for world in World::each(None) {
        let (first, second, reader) = (world.instance().await, world.instance().await, world.instance().await);
        for round in 1..50 {
            let one = first.spawn_set(1, round * 2);
            let two = second.spawn_set(1, round * 2 + 1);
            one.await.unwrap();
            two.await.unwrap();
            let fresh = world.rows.row(1);
            assert_eq!(second.get(1).await, fresh);
            assert_eq!(first.get(1).await, fresh);
            until("the reader has received the invalidation", || {
                reader.store.peek_get(1).is_none_or(|seen| seen == fresh)
            })
            .await;
            assert_eq!(reader.get(1).await, fresh);
        }
    }
}
