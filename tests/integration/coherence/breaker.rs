//! R24: after a few failures of the shared tier, reads no longer wait for it.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::{Operation, Protection};
use cache_core::{Cache, Status};
use cache_tests::RedisServer;

use super::register::{CachingRegister, Rows};
use super::sync_points::until;
use super::world::{Instance, Tier, World};

/// At least the read timeout of these worlds.
const TOO_LONG: Duration = Duration::from_secs(20);
/// Longer than the circuit breaker's first open period.
const PAUSE: Duration = Duration::from_secs(2);

/// Lets `count` concurrent reads of the shared tier time out.
async fn time_out(world: &World, instance: &Instance, count: u64) {
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    instance.chaos.hold(Operation::Read);
    let before = instance.chaos.begun(Operation::Read);
    let reads: Vec<_> = (100..100 + count).map(|key| instance.spawn_get(key)).collect();
    until("every read is sent", || instance.chaos.begun(Operation::Read) == before + count).await;
    clock.advance(TOO_LONG);
    for read in reads {
        assert_eq!(read.await.unwrap(), None, "the store answers");
    }
}

#[tokio::test]
async fn after_five_unanswered_reads_no_read_waits() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let instance = world.instance().await;
    world.rows.seed(1, 10);

    time_out(&world, &instance, 4).await;
    assert!(!instance.cache.health().await.breaker_open, "four are not enough");
    assert!(instance.cache.health().await.shared);
    time_out(&world, &instance, 5).await;
    let before = instance.chaos.begun(Operation::Read);
    assert_eq!(instance.get(1).await, Some(10), "the clock stands still: this read did not wait");
    assert_eq!(instance.chaos.begun(Operation::Read), before);
    until("the supervisor has detected it", || open(&instance)).await;
    let health = instance.cache.health().await;
    assert_eq!((health.status, health.shared, health.local), (Status::Degraded, false, false));
    let error = health.error.unwrap();
    assert!(error.starts_with("too many of its answers were errors or came too late"), "{error}");

    instance.chaos.release(Operation::Read);
    clock.advance(PAUSE);
    until("it is connected again", || usable(&instance)).await;
    assert_eq!(instance.get(1).await, Some(10));
    until("the shared tier is filled again", || instance.stats().fills == 1).await;
}

/// Writes on another instance while the circuit of this one is open.
///
/// Returns what this instance reads once the circuit is closed.
async fn written_elsewhere_while_it_was_open(without: Option<Protection>) -> Option<u64> {
    let world = World::memory(without);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let (reader, writer) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    world.rows.seed(2, 10);
    assert_eq!((reader.get(1).await, reader.get(2).await), (Some(10), Some(10)));
    time_out(&world, &reader, 5).await;
    writer.set(1, 20).await;
    writer.set(2, 20).await;
    assert_eq!(reader.get(2).await, Some(20), "while it is open the store answers");
    reader.chaos.release(Operation::Read);
    clock.advance(PAUSE);
    until("it is connected again", || usable(&reader)).await;
    reader.get(1).await
}

#[tokio::test]
async fn r24_a_write_of_another_instance_is_seen_after_the_circuit_closes() {
    assert_eq!(written_elsewhere_while_it_was_open(None).await, Some(20));
    assert_eq!(written_elsewhere_while_it_was_open(Some(Protection::FlushOnLoss)).await, Some(10), "the control");
}

/// Writes on an instance whose circuit is open.
///
/// Returns what another instance reads once the circuit is closed.
async fn written_here_while_it_was_open(without: Option<Protection>) -> Option<u64> {
    let world = World::memory(without);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let (writer, reader) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    time_out(&world, &writer, 5).await;
    let write = writer.spawn_set(1, 20);
    while writer.get(1).await != Some(20) {
        tokio::task::yield_now().await;
    }
    assert_eq!(reader.get(1).await, Some(10), "the write is not acknowledged yet, unless a protection is disabled");
    writer.chaos.release(Operation::Read);
    clock.advance(PAUSE);
    until("it is connected again", || usable(&writer)).await;
    write.await.unwrap();
    reader.get(1).await
}

/// The invalidation is published before this instance reads from the shared tier again.
#[tokio::test]
async fn r24_a_write_under_an_open_circuit_reaches_the_other_instances() {
    assert_eq!(written_here_while_it_was_open(None).await, Some(20));
    assert_eq!(written_here_while_it_was_open(Some(Protection::Journal)).await, Some(10), "the control");
}

/// A frozen server delays few reads, and the cache uses it again after it resumes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_reads_wait_for_a_frozen_server() {
    let mut server = RedisServer::start();
    let rows = Arc::<Rows>::default();
    (0..200).for_each(|key| rows.seed(key, key));
    let cache = Cache::builder().redis(server.url()).build().unwrap();
    let store = CachingRegister::builder(Arc::clone(&rows), &cache).get(cache_core::ReadPolicy::local_off).build();
    assert!(cache.connected(Duration::from_secs(20)).await);
    server.pause();
    for key in 0..200 {
        assert_eq!(store.get(key).await, Ok(Some(key)));
    }
    let timeouts = cache.stats().total().errors.get("timeout").copied().unwrap_or_default();
    assert!((1..=5).contains(&timeouts), "{timeouts} of 200 reads waited for nothing");
    server.resume();
    assert!(cache.connected(Duration::from_secs(20)).await, "{:?}", cache.health().await);
    assert_eq!(store.get(1).await, Ok(Some(1)));
}

fn open(instance: &Instance) -> bool {
    instance.health().breaker_open
}

fn usable(instance: &Instance) -> bool {
    instance.health().shared
}
