//! Metrics through the facade: what a recorder receives, and when.

use std::time::Duration;

use cache_core::testing::{ManualClock, Operation};
use cache_core::{Cache, Error, ReadPolicy};

use super::super::register::Stop;
use super::super::sync_points::until;
use super::super::world::{Tier, World};
use super::recorder::Recorder;

const READS: &str = "cache.operations.total";
const DURATION: &str = "cache.operation.duration";

fn read<'a>(tier: &'a str, result: &'a str) -> [(&'a str, &'a str); 4] {
    [("method", "get"), ("operation", "read"), ("tier", tier), ("result", result)]
}

/// A background task publishes each count within a second.
#[tokio::test]
async fn reads_are_counted_by_tier_and_result() {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let (one, two) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    one.get(1).await;
    until("the value is in the shared tier", || one.stats().fills == 1).await;
    for _ in 0..3 {
        one.get(1).await;
    }
    two.get(1).await;
    one.get(2).await;
    one.get(2).await;
    assert_eq!(recorder.count(READS, &read("local", "hit")), 0, "a hit publishes nothing itself");
    clock.advance(Duration::from_secs(1));
    until("it is published", || recorder.count(READS, &read("local", "hit")) == 3).await;
    let counts = [("local", "absent", 1), ("shared", "hit", 1), ("shared", "absent", 0), ("store", "miss", 2)];
    for (tier, result, count) in counts {
        until(tier, || recorder.count(READS, &read(tier, result)) == count).await;
    }
    let loads = |result| recorder.count(READS, &[("operation", "load"), ("result", result)]);
    assert_eq!((loads("ok"), loads("error")), (2, 0));
    assert_eq!(recorder.levels("cache.local.entries", &[("method", "get")]), [1.0], "of the cache that published last");
    let bytes = |direction| recorder.count("cache.shared.bytes.total", &[("direction", direction)]);
    assert!(bytes("sent") > 0 && bytes("received") > 0);
}

/// The totals of all instances match their statistics, and publishing twice adds nothing.
///
/// Fails if totals are published instead of increments.
#[tokio::test]
async fn every_count_is_published_exactly_once() {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::memory(None);
    let (one, two) = (world.instance().await, world.instance().await);
    for key in 0..20 {
        one.get(key % 5).await;
        two.get(key % 7).await;
        one.cache.publish_metrics();
        one.cache.publish_metrics();
    }
    let hits = one.stats().local_hits + two.stats().local_hits;
    assert!(hits > 0);
    one.cache.shutdown().await;
    // The other one is only dropped, along with its background task and its decorator.
    drop(two);
    until("it is published", || recorder.count(READS, &[("operation", "read"), ("tier", "local")]) == hits).await;
}

/// Two decorators of a store in one cache add up; dropped ones hold no entries.
///
/// Fails without the sum over the regions.
#[tokio::test]
async fn regions_of_one_name_are_counted_together() {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let cache = Cache::single_instance();
    let region = || cache.region::<u64, u64>("metrics", "number", ReadPolicy::new(Duration::from_mins(1)));
    let (first, second) = (region(), region());
    for number in 0..3 {
        first.get_or_load(&number, || async { Ok::<_, Error>(1) }).await.unwrap();
    }
    second.get_or_load(&1, || async { Ok::<_, Error>(1) }).await.unwrap();
    second.get_or_load(&1, || async { Ok::<_, Error>(1) }).await.unwrap();
    cache.publish_metrics();
    let entries = || recorder.levels("cache.local.entries", &[("store", "metrics"), ("method", "number")]);
    assert_eq!(entries(), [4.0]);
    assert_eq!(recorder.count(READS, &[("operation", "load"), ("result", "ok")]), 4);
    drop(first);
    cache.publish_metrics();
    assert_eq!(entries(), [1.0]);
    let _third = region();
    cache.publish_metrics();
    assert_eq!(recorder.count(READS, &[("operation", "load"), ("result", "ok")]), 4, "counts of dropped caches remain");
}

/// Fails if nothing is recorded.
#[tokio::test]
async fn reads_beyond_the_local_tier_are_timed_in_seconds() {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let instance = world.instance().await;
    let timed = |operation, tier| recorder.recorded(DURATION, &[("operation", operation), ("tier", tier)]);

    let point = world.rows.stop_next(Stop::AfterRead);
    let reading = instance.spawn_get(1);
    point.reached().await;
    clock.advance(Duration::from_millis(250));
    point.open();
    reading.await.unwrap();
    assert_eq!(timed("load", "store"), [0.25]);
    assert_eq!(timed("read", "shared"), [0.0]);

    instance.chaos.hold(Operation::Lock);
    let before = instance.chaos.begun(Operation::Lock);
    let writing = instance.spawn_set(1, 10);
    until("the lock is requested", || instance.chaos.begun(Operation::Lock) > before).await;
    clock.advance(Duration::from_millis(50));
    instance.chaos.release(Operation::Lock);
    writing.await.unwrap();
    assert_eq!(timed("lock", "shared"), [0.05]);
    assert_eq!(timed("release", "shared"), [0.0]);

    let before = recorder.recorded(DURATION, &[("operation", "read")]).len();
    instance.get(1).await;
    until("the value is in the local tier", || instance.store.peek_get(1).is_some()).await;
    let after = recorder.recorded(DURATION, &[("operation", "read")]).len();
    instance.get(1).await;
    assert_eq!(after, before + 1);
    assert_eq!(recorder.recorded(DURATION, &[("operation", "read")]).len(), after, "a local hit is not timed");
}

/// Fails without the count in `remote_failed`.
#[tokio::test]
async fn errors_are_counted_by_operation_and_kind() {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::memory(None);
    let Tier::Memory(remote, clock) = &world.tier else { unreachable!() };
    let instance = world.instance().await;
    let errors = |operation, kind| {
        instance.cache.publish_metrics();
        recorder.count("cache.errors.total", &[("operation", operation), ("kind", kind), ("backend", "memory")])
    };
    let requests = |operation, result| recorder.count(READS, &[("operation", operation), ("result", result)]);

    instance.chaos.fail(Operation::Read);
    instance.get(1).await;
    instance.chaos.heal(Operation::Read);
    instance.chaos.fail(Operation::Release);
    instance.set(1, 10).await;
    instance.chaos.heal(Operation::Release);
    assert_eq!((errors("read", "refused"), errors("release", "refused"), errors("lock", "refused")), (1, 1, 0));
    assert_eq!((requests("lock", "ok"), requests("release", "ok"), requests("release", "error")), (1, 0, 1));
    assert_eq!(
        recorder.levels("cache.journal.scopes", &[]),
        [0.0],
        "the invalidation was delivered before the acknowledgement"
    );

    instance.get(2).await;
    until("the value is in the shared tier", || instance.stats().fills == 1).await;
    remote.put_raw("race:test:register:3", b"not one of ours".to_vec());
    instance.get(3).await;
    assert_eq!(errors("entry", "truncated") + errors("entry", "magic"), 1);

    remote.stop();
    let down = || {
        instance.cache.publish_metrics();
        recorder.levels("cache.bus.up", &[]) == [0.0]
    };
    until("the loss is seen", down).await;
    world.passing_time(instance.set(1, 20)).await;
    clock.advance(Duration::from_secs(1));
    until("connecting fails", || errors("connect", "disconnected") > 0).await;
    assert_eq!(requests("lock", "unreachable"), 1);
}

/// Handles resolved before a recorder exists record nothing, a rule of the facade.
///
/// Decorators that are built afterwards do record.
#[tokio::test]
async fn a_recorder_receives_metrics_of_caches_built_after_it() {
    let early = Cache::single_instance_with_clock(ManualClock::new());
    let region =
        |cache: &Cache, name| cache.region::<u64, u64>("metrics", name, ReadPolicy::new(Duration::from_mins(1)));
    let before = region(&early, "before");
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let after = region(&early, "after");
    for region in [&before, &after] {
        region.get_or_load(&1, || async { Ok::<_, Error>(1) }).await.unwrap();
    }
    early.publish_metrics();
    assert!(recorder.series().iter().all(|(_, (_, labels))| labels.get("method").is_none_or(|name| name != "before")));
    assert_eq!(recorder.count(READS, &[("method", "after"), ("operation", "load"), ("result", "ok")]), 1);
}

/// Outside a runtime no background task runs, and still no count is lost.
#[test]
fn a_cache_without_a_runtime_publishes_on_request() {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let cache = Cache::single_instance();
    let region = cache.region::<u64, u64>("metrics", "number", ReadPolicy::new(Duration::from_mins(1)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { region.get_or_load(&1, || async { Ok::<_, Error>(1) }).await.unwrap() });
    let loads = || recorder.count(READS, &[("operation", "load"), ("result", "ok")]);
    assert_eq!(loads(), 0);
    cache.publish_metrics();
    assert_eq!(loads(), 1);
}
