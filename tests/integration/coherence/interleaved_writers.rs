//! R11: the writer that commits first finishes last.
//!
//! No writer puts its own value into the shared tier: the next reader loads it.

use std::time::Duration;

use cache_core::testing::{Operation, Protection};

use super::hammer::{Hammer, Plan};
use super::register::Stop;
use super::sync_points::until;
use super::world::{Instance, World};

const MINUTE: Duration = Duration::from_mins(1);

/// The way in which other instances learn of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Publish {
    /// The decorator invalidates.
    ByTheDecorator,
    /// The writer sets its value itself.
    BySettingTheValue,
}

impl Publish {
    async fn run(self, writer: &Instance, value: u64) {
        if self == Self::BySettingTheValue {
            writer.cache.transparent("race:test", "manual").set("1", value, MINUTE).await;
        }
    }

    async fn read(self, reader: &Instance) -> Option<u64> {
        match self {
            Self::ByTheDecorator => reader.get(1).await,
            Self::BySettingTheValue => reader.cache.transparent("race:test", "manual").get("1").await,
        }
    }
}

/// Commits 20, completes a second write of 30, and then completes the first.
///
/// Returns what a third instance reads.
async fn first_to_commit_and_last_to_publish(world: World, publish: Publish) -> Option<u64> {
    let (first, second, third) = (world.instance().await, world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterCommit);
    let slow = first.spawn_set(1, 20);
    point.reached().await;
    second.set(1, 30).await;
    publish.run(&second, 30).await;
    point.open();
    slow.await.unwrap();
    publish.run(&first, 20).await;
    assert_eq!(world.rows.row(1), Some(30));
    publish.read(&third).await
}

#[tokio::test]
async fn r11_the_last_writer_to_finish_does_not_store_its_older_value() {
    for world in World::each(None) {
        assert_eq!(first_to_commit_and_last_to_publish(world, Publish::ByTheDecorator).await, Some(30));
    }
    for world in World::each(None) {
        let seen = first_to_commit_and_last_to_publish(world, Publish::BySettingTheValue).await;
        assert_eq!(seen, Some(20), "the control, a writer that sets its value, must leave the old one");
    }
}

/// Holds the first of two `set` calls without a store until the second has completed.
///
/// Returns the value that remains.
async fn overtaken_put(world: World) -> Option<u64> {
    let (first, second, third) = (world.instance().await, world.instance().await, world.instance().await);
    let put = |instance: &Instance| instance.cache.transparent::<u64>("race:test", "adhoc");
    first.chaos.hold(Operation::InitGenerations);
    let slow = tokio::spawn({
        let values = put(&first);
        async move { values.set("k", 20, MINUTE).await }
    });
    until("the first has invalidated", || first.chaos.begun(Operation::InitGenerations) == 1).await;
    put(&second).set("k", 30, MINUTE).await;
    first.chaos.release(Operation::InitGenerations);
    slow.await.unwrap();
    put(&third).get("k").await
}

#[tokio::test]
async fn r11_an_overtaken_put_leaves_the_newer_value() {
    for world in World::each(None) {
        assert_eq!(overtaken_put(world).await, Some(30));
    }
    for world in World::each(Some(Protection::PutFence)) {
        assert_eq!(overtaken_put(world).await, Some(20), "the control must see the older value");
    }
}

/// Three instances write and read a few keys with the local tier off.
///
/// Each read returns the last acknowledged write or a later one, and nothing older than an earlier read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r11_interleaved_writers_are_linearizable() {
    let plan = Plan { keys: 3, rounds: 300, writers: 2, readers: 4 };
    for world in World::each(None) {
        let report = Hammer::new(&world).await.run(plan).await;
        assert_eq!(report.too_old, 0, "{report:?}");
        assert!(report.shared_hits > 0, "{report:?}");
    }
    let mut report = Hammer::new(&World::redis(Some(Protection::Fence))).await.run(plan).await;
    for _ in 0..20 {
        if report.too_old > 0 {
            return;
        }
        report = Hammer::new(&World::redis(Some(Protection::Fence))).await.run(plan).await;
    }
    panic!("the control must see stale values: {report:?}");
}
