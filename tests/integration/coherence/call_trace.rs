//! The trace of a call matches the engine's actions, as the history checker requires.

use cache_core::Mode;
use cache_core::testing::{CallTrace, Operation, Source, announced, trace};

use super::register::Stop;
use super::sync_points::until;
use super::world::{Instance, World};

async fn source_of(instance: &Instance, key: u64) -> Option<Source> {
    trace(instance.get(key)).await.1.source
}

#[tokio::test]
async fn the_trace_of_a_read_names_its_source() {
    for world in World::each(None) {
        let (first, second) = (world.instance().await, world.instance().await);
        world.rows.seed(1, 10);
        assert_eq!(source_of(&first, 1).await, Some(Source::Store));
        assert_eq!(source_of(&first, 1).await, Some(Source::Local));
        until("the value is in the shared tier", || first.stats().fills == 1).await;
        assert_eq!(source_of(&second, 1).await, Some(Source::Shared));
        assert_eq!(source_of(&second, 1).await, Some(Source::Local));
    }
}

#[tokio::test]
async fn the_trace_of_a_follower_names_the_source_of_its_leader() {
    for world in World::each(None) {
        let reader = world.instance().await;
        world.rows.seed(1, 10);
        let point = world.rows.stop_next(Stop::AfterRead);
        let first = reader.spawn_get(1);
        point.reached().await;
        let waiting = || async { trace(reader.get(1)).await.1 };
        let (leader, follower, ()) = tokio::join!(waiting(), waiting(), async { point.open() });
        first.await.unwrap();
        assert_eq!((leader.source, leader.joined), (Some(Source::Local), false), "the flight before has put it there");
        assert_eq!((follower.source, follower.joined), (Some(Source::Local), true));
    }
}

/// The keys of one call can have different sources: a checker must not take one of them for all.
#[tokio::test]
async fn the_trace_of_a_batch_names_a_source_only_if_every_key_has_it() {
    for world in World::each(None) {
        let reader = world.instance().await;
        (1..=3).for_each(|key| world.rows.seed(key, 10 * key));
        let source_of = |keys: &'static [u64]| async { trace(reader.store.get_many(keys)).await.1.only_source() };
        assert_eq!(source_of(&[1, 2]).await, Some(Source::Store));
        assert_eq!(source_of(&[1, 2]).await, Some(Source::Local));
        assert_eq!(source_of(&[1, 3]).await, None);
        assert_eq!(source_of(&[3]).await, Some(Source::Local));
    }
}

#[tokio::test]
async fn the_trace_of_a_write_names_its_delivery_to_the_shared_tier() {
    for world in World::each(None) {
        let writer = world.instance().await;
        let delivered = |call: CallTrace| (call.announced, call.released);
        assert_eq!(delivered(trace(writer.set(1, 10)).await.1), (Some(true), Some(true)));
        writer.chaos.fail(Operation::Lock);
        assert_eq!(delivered(trace(writer.set(1, 20)).await.1), (Some(false), Some(true)));
        writer.chaos.heal(Operation::Lock);
        writer.chaos.fail(Operation::Release);
        assert_eq!(delivered(trace(writer.set(1, 30)).await.1), (Some(true), Some(false)));
        let fast = writer.in_mode(Mode::Fast);
        assert_eq!(delivered(trace(fast.set(1, 40)).await.1), (Some(true), None), "the call does not wait for it");
    }
}

#[tokio::test]
async fn outside_a_traced_call_no_trace_is_recorded() {
    assert_eq!(announced(), None);
    assert_eq!(trace(async {}).await.1, CallTrace::default());
}
