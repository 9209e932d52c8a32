//! A write waits for its store (`fast`), its release (`safe`) or every instance's lease (`strict`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cache_core::testing::{ChaosRemote, ManualClock, Operation};
use cache_core::{Cache, MemoryRemote, Mode, cached_store};

use super::register::Stop;
use super::sync_points::until;
use super::world::{Instance, Tier, World};

const LEASE: Duration = Duration::from_secs(1);
/// One millisecond less than the lease with the margin for clocks.
const ALMOST: Duration = Duration::from_millis(1029);
const REST: Duration = Duration::from_millis(1);

/// Writes while a reader without messages has the old value in its local tier.
///
/// Returns what that reader reads after the write has returned.
async fn read_after_an_undelivered_write(mode: Mode) -> Option<u64> {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let writer = world.instance_with_lease(LEASE).await.in_mode(mode);
    let reader = world.instance_with_lease(LEASE).await.in_mode(mode);
    world.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    // Its last heartbeat is as recent as possible when messages stop arriving.
    reader.chaos.lose_bus();
    let write = writer.spawn_set(1, 20);
    until("the write is released", || writer.chaos.begun(Operation::Release) == 1).await;
    while !write.is_finished() && mode == Mode::Strict {
        assert_eq!(reader.get(1).await, if reader.cache.health().await.local { Some(10) } else { Some(20) });
        clock.advance(Duration::from_millis(10));
        tokio::task::yield_now().await;
    }
    write.await.unwrap();
    reader.get(1).await
}

#[tokio::test]
async fn t3_after_a_strict_write_no_local_hit_is_older() {
    assert_eq!(read_after_an_undelivered_write(Mode::Strict).await, Some(20));
    assert_eq!(read_after_an_undelivered_write(Mode::Safe).await, Some(10), "the control must see the stale value");
}

/// Checks that the write waits until the end of the lease, and no longer.
async fn ends_with_the_lease(clock: &ManualClock, write: tokio::task::JoinHandle<()>) {
    clock.advance(ALMOST);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!write.is_finished(), "the lease is not over");
    clock.advance(REST);
    write.await.unwrap();
}

/// A strict write with an evicted lock waits for a lease after its release.
///
/// The store takes longer than the lease, so the release is the first invalidation for instances that read meanwhile.
/// The model in `tests/model` found this order. Fails if the wait counts from the write lock.
#[tokio::test]
async fn t3_the_lease_counts_from_the_release() {
    let world = World::memory(None);
    let Tier::Memory(remote, clock) = &world.tier else { unreachable!() };
    let writer = world.instance_with_lease(LEASE).await.in_mode(Mode::Strict);
    let reader = world.instance_with_lease(LEASE).await.in_mode(Mode::Strict);
    world.rows.seed(1, 10);
    let received = reader.cache.invalidations_received();
    let point = world.rows.stop_next(Stop::BeforeCommit);
    let write = writer.spawn_set(1, 20);
    point.reached().await;
    until("the reader has received the invalidation", || reader.cache.invalidations_received() > received).await;
    remote.evict_scopes();
    assert_eq!(reader.get(1).await, Some(10));
    for _ in 0..2 {
        let heartbeats = reader.chaos.begun(Operation::Heartbeat);
        clock.advance(LEASE / 2);
        until("the reader's heartbeat has returned", || {
            reader.chaos.begun(Operation::Heartbeat) > heartbeats && reader.health().local
        })
        .await;
    }
    reader.chaos.lose_bus();
    point.open();
    until("it is released", || writer.chaos.begun(Operation::Release) == 1).await;
    assert_eq!(reader.get(1).await, Some(10), "not acknowledged yet");
    ends_with_the_lease(clock, write).await;
    assert_eq!(reader.get(1).await, Some(20));
}

#[tokio::test]
async fn a_strict_write_waits_also_if_no_instance_receives_it() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let writer = world.instance_with_lease(LEASE).await.in_mode(Mode::Strict);
    writer.chaos.fail(Operation::Lock);
    writer.chaos.fail(Operation::Release);
    let write = writer.spawn_set(1, 20);
    until("it has tried", || writer.chaos.begun(Operation::Release) >= 1).await;
    ends_with_the_lease(clock, write).await;
}

#[tokio::test]
async fn an_explicit_strict_invalidation_waits_too() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let writer = world.instance_with_lease(LEASE).await.in_mode(Mode::Strict);
    let store = Arc::clone(&writer.store);
    let invalidation = tokio::spawn(async move { store.invalidate_get(1).await });
    until("the invalidation was sent", || writer.chaos.begun(Operation::Invalidate) == 1).await;
    ends_with_the_lease(clock, invalidation).await;
}

#[tokio::test]
async fn a_strict_write_on_redis_waits_for_the_lease() {
    let lease = Duration::from_millis(200);
    let world = World::redis(None);
    let (writer, reader) = (world.instance_with_lease(lease).await, world.instance_with_lease(lease).await);
    let (writer, reader) = (writer.in_mode(Mode::Strict), reader.in_mode(Mode::Strict));
    world.rows.seed(1, 10);
    for value in 20..25 {
        reader.get(1).await;
        reader.chaos.lose_bus();
        let began = Instant::now();
        writer.set(1, value).await;
        assert!(began.elapsed() >= lease, "{:?}", began.elapsed());
        assert_eq!(reader.get(1).await, Some(value));
        reader.chaos.deliver_bus();
        assert!(reader.cache.connected(Duration::from_secs(20)).await);
    }
}

/// A fast writer whose release is held back.
async fn fast_writer(world: &World) -> Instance {
    let writer = world.instance().await.in_mode(Mode::Fast);
    writer.chaos.hold(Operation::Release);
    writer
}

#[tokio::test]
async fn a_fast_write_returns_before_its_release_and_no_stale_value_is_read() {
    for world in World::each(None) {
        let (writer, reader) = (fast_writer(&world).await, world.instance().await);
        world.rows.seed(1, 10);
        assert_eq!(reader.get(1).await, Some(10));
        until("the old value is in the shared tier", || reader.stats().fills == 1).await;
        writer.set(1, 20).await;
        assert_eq!(writer.get(1).await, Some(20));
        until("the reader has received the invalidation", || reader.store.peek_get(1).is_none()).await;
        assert_eq!(reader.get(1).await, Some(20), "the lock keeps the entry from being used");
        assert_eq!((writer.stats().fills, reader.stats().fills), (0, 1), "and a new one from being made");
        writer.chaos.release(Operation::Release);
        until("the release has arrived", || writer.health().pending_invalidations == 0).await;
        assert_eq!(reader.get(1).await, Some(20));
        until("the new value is in the shared tier", || reader.stats().fills == 2).await;
    }
}

/// A fast write loses its lock, and a reader fills the old value meanwhile.
///
/// Other instances may read that value until the release; the writer's own instance never does. Fails for the writer
/// without the journal in `Write::release_behind`.
#[tokio::test]
async fn r7_a_fast_writer_reads_its_own_write_after_its_lock_was_evicted() {
    let world = World::memory(None);
    let Tier::Memory(remote, _) = &world.tier else { unreachable!() };
    let (writer, reader) = (fast_writer(&world).await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::BeforeCommit);
    let write = writer.spawn_set(1, 20);
    point.reached().await;
    remote.evict_scopes();
    assert_eq!(reader.get(1).await, Some(10));
    until("the old value is in the shared tier", || reader.stats().fills == 1).await;
    point.open();
    write.await.unwrap();
    assert_eq!(writer.get(1).await, Some(20), "its own write");
    assert_eq!(reader.get(1).await, Some(10), "the window of a fast write");
    writer.chaos.release(Operation::Release);
    until("the release has arrived", || writer.health().pending_invalidations == 0).await;
    until("the reader has received the invalidation", || reader.store.peek_get(1).is_none()).await;
    assert_eq!((writer.get(1).await, reader.get(1).await), (Some(20), Some(20)));
}

#[tokio::test]
async fn a_failed_fast_release_is_delivered_later() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
    let writer = world.instance_with_lease(LEASE).await.in_mode(Mode::Fast);
    for operation in [Operation::Release, Operation::Invalidate] {
        writer.chaos.fail(operation);
    }
    writer.set(1, 20).await;
    until("the invalidation is retried at once", || writer.chaos.begun(Operation::Invalidate) == 1).await;
    assert_eq!(writer.health().pending_invalidations, 1);
    writer.chaos.heal(Operation::Invalidate);
    clock.advance(LEASE / 2);
    until("the next heartbeat delivers the invalidation", || writer.health().pending_invalidations == 0).await;
}

/// A store whose reads are strict, except one.
#[cached_store(namespace = "race:modes", mode = strict)]
#[async_trait]
trait Accounts: Send + Sync {
    #[cached(entity = "balance", key(id), ttl = "5m")]
    async fn balance(&self, id: u64) -> Result<u64, String>;

    #[cached(entity = "visits", key(id), ttl = "5m", mode = fast)]
    async fn visits(&self, id: u64) -> Result<u64, String>;

    #[invalidates(balance(id))]
    async fn deposit(&self, id: u64) -> Result<(), String>;

    #[invalidates(visits(id))]
    async fn visit(&self, id: u64) -> Result<(), String>;

    #[invalidates(visits(id), balance(..))]
    async fn close(&self, id: u64) -> Result<(), String>;
}

struct Nothing;

#[async_trait]
impl Accounts for Nothing {
    async fn balance(&self, _: u64) -> Result<u64, String> {
        Ok(0)
    }
    async fn visits(&self, _: u64) -> Result<u64, String> {
        Ok(0)
    }
    async fn deposit(&self, _: u64) -> Result<(), String> {
        Ok(())
    }
    async fn visit(&self, _: u64) -> Result<(), String> {
        Ok(())
    }
    async fn close(&self, _: u64) -> Result<(), String> {
        Ok(())
    }
}

#[tokio::test]
async fn a_write_has_the_strictest_mode_of_its_targets() {
    let clock = ManualClock::new();
    let chaos = ChaosRemote::new(MemoryRemote::with_clock(clock.clone()));
    let cache = Cache::builder().lease(LEASE).clock(clock.clone()).remote(chaos.clone()).build().unwrap();
    let store = Arc::new(CachingAccounts::new(Arc::new(Nothing), &cache));
    let safe = CachingAccounts::builder(Arc::new(Nothing), &cache).balance(|policy| policy.mode(Mode::Safe)).build();
    assert!(cache.connected(Duration::from_secs(20)).await);
    store.visit(1).await.unwrap();
    until("a fast release", || chaos.begun(Operation::Release) == 1).await;
    safe.deposit(1).await.unwrap();
    assert_eq!(chaos.begun(Operation::Release), 2, "the setting of the builder counts");
    for (place, close) in [false, true].into_iter().enumerate() {
        let store = Arc::clone(&store);
        let write =
            tokio::spawn(
                async move { if close { store.close(1).await.unwrap() } else { store.deposit(1).await.unwrap() } },
            );
        until("it is released", || chaos.begun(Operation::Release) == 3 + place as u64).await;
        ends_with_the_lease(&clock, write).await;
    }
}
