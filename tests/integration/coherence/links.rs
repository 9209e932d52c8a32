//! Connections of every kind: both protocols, with and without a password, refused, lost and late.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::{Operation, Protection};
use cache_core::{Cache, CacheBuilder, Status};
use cache_tests::RedisServer;

use super::register::{CachingRegister, Rows};
use super::sync_points::until;
use super::world::{Instance, Tier, World};

const PATIENCE: Duration = Duration::from_secs(20);

async fn instance(rows: &Arc<Rows>, builder: CacheBuilder) -> (Cache, CachingRegister<Rows>) {
    let cache = builder.lease(Duration::from_mins(1)).build().unwrap();
    let store = CachingRegister::new(Arc::clone(rows), &cache);
    assert!(cache.connected(PATIENCE).await);
    (cache, store)
}

/// A server that rejects HELLO supports RESP2 only, so the bus has its own connection.
#[tokio::test]
async fn a_server_without_resp3_has_a_bus_and_its_loss_is_detected() {
    let mut server = RedisServer::start_with(&["--rename-command", "HELLO", ""]);
    let rows = Arc::<Rows>::default();
    rows.seed(1, 10);
    let (writing, writer) = instance(&rows, Cache::builder().redis(server.url())).await;
    let (reading, reader) = instance(&rows, Cache::builder().redis(server.url())).await;
    assert_eq!(reader.get(1).await, Ok(Some(10)));
    assert_eq!(reader.peek_get(1), Some(Some(10)));
    writer.set(1, 20).await.unwrap();
    until("the invalidation is received", || reading.invalidations_received() == 1).await;
    assert_eq!(reader.get(1).await, Ok(Some(20)));
    server.kill();
    for cache in [&writing, &reading] {
        while cache.health().await.shared {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(reader.peek_get(1), None, "there is no local hit without the bus");
    assert_eq!(reader.get(1).await, Ok(Some(20)));
}

#[tokio::test]
async fn a_password_is_used_and_a_wrong_one_degrades_without_revealing_it() {
    let server = RedisServer::start();
    assert_eq!(server.raw(&["CONFIG", "SET", "requirepass", "canary-secret"]).unwrap(), "OK");
    let rows = Arc::<Rows>::default();
    rows.seed(1, 10);
    let builder = || Cache::builder().redis(server.admin_url());
    let (_, store) = instance(&rows, builder().redis_password("canary-secret")).await;
    assert_eq!(store.get(1).await, Ok(Some(10)));

    let cache = builder().redis_password("canary-wrong").build().unwrap();
    let store = CachingRegister::new(Arc::clone(&rows), &cache);
    while cache.health().await.status != Status::Degraded {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.get(1).await, Ok(Some(10)), "no caller is affected");
    let output = format!("{:?} {cache:?} {store:?}", cache.health().await);
    assert!(!output.contains("canary"), "{output}");
}

#[tokio::test]
async fn a_dropped_cache_closes_its_connections() {
    let server = RedisServer::start();
    let rows = Arc::<Rows>::default();
    let clients =
        || server.raw(&["CLIENT", "LIST"]).unwrap().lines().filter(|line| !line.contains("cmd=client")).count();
    let (cache, store) = instance(&rows, Cache::builder().redis(server.url())).await;
    assert!(clients() > 0);
    drop((cache, store));
    until("the connections are closed", || clients() == 0).await;
}

/// Writes while the writer's calls to Redis fail.
///
/// Returns what another instance reads after two more heartbeats of the writer.
async fn undelivered_write(world: World) -> Option<u64> {
    let lease = Duration::from_secs(2);
    let (writer, reader) = (world.instance_with_lease(lease).await, world.instance_with_lease(lease).await);
    world.rows.seed(1, 10);
    reader.get(1).await;
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    for operation in [Operation::Lock, Operation::Release, Operation::Invalidate] {
        writer.chaos.fail(operation);
    }
    world.passing_time(writer.set(1, 20)).await;
    let seen = reader.get(1).await;
    if writer.cache.health().await.pending_invalidations == 0 {
        assert_eq!(seen, Some(10), "without a journal the reader cannot see the pending invalidation");
    } else {
        assert_eq!(seen, Some(20), "the writer's heartbeats show the pending invalidation");
    }
    for operation in [Operation::Lock, Operation::Release, Operation::Invalidate] {
        writer.chaos.heal(operation);
    }
    world.two_heartbeats(&writer, lease).await;
    assert_eq!(writer.cache.health().await.pending_invalidations, 0);
    world.instance().await.get(1).await
}

/// R4: the journal delivers a failed invalidation as soon as Redis accepts it.
#[tokio::test]
async fn r4_an_undelivered_invalidation_is_delivered_after_reconnecting() {
    for world in World::each(None) {
        assert_eq!(undelivered_write(world).await, Some(20));
    }
    for world in World::each(Some(Protection::Journal)) {
        assert_eq!(undelivered_write(world).await, Some(10), "the control must see the stale value");
    }
}

/// A lost connection clears the local tier at once, before the lease ends.
#[tokio::test]
async fn a_lost_connection_flushes_the_local_tier() {
    let world = World::memory(None);
    let Tier::Memory(remote, clock) = &world.tier else { unreachable!() };
    let (writer, reader) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    reader.get(1).await;
    assert_eq!(reader.store.peek_get(1), Some(Some(10)));
    remote.stop();
    assert_eq!(reader.store.peek_get(1), None);
    world.passing_time(writer.set(1, 20)).await;
    assert_eq!(reader.get(1).await, Some(20), "without a shared tier every read is the store's");
    remote.start();
    let wait = async {
        while !(reader.cache.health().await.shared && writer.cache.health().await.shared) {
            clock.advance(Duration::from_millis(20));
            tokio::task::yield_now().await;
        }
    };
    wait.await;
    assert_eq!(reader.get(1).await, Some(20));
    assert_eq!(writer.cache.health().await.pending_invalidations, 0, "the writes of the outage are delivered first");
}

/// The epochs change while a reconnecting instance waits: it starts with its last heartbeat's epoch.
///
/// The model in `tests/model` found this order. Fails if a new connection keeps the epoch of the first heartbeat.
#[tokio::test]
async fn r26_an_entry_made_stale_during_the_recovery_is_no_hit() {
    let lease = Duration::from_secs(1);
    let world = World::memory(None);
    let Tier::Memory(remote, clock) = &world.tier else { unreachable!() };
    let (other, away) = (world.instance_with_lease(lease).await, world.instance_with_lease(lease).await);
    let heartbeat = async |instance: &Instance| {
        let begun = instance.chaos.begun(Operation::Heartbeat);
        while instance.chaos.begun(Operation::Heartbeat) == begun {
            clock.advance(Duration::from_millis(50));
            yield_often().await;
        }
    };
    world.rows.seed(1, 10);
    away.chaos.fail(Operation::Heartbeat);
    heartbeat(&away).await;
    until("it has lost its connection", || away.health().status == Status::Degraded).await;
    remote.forget_epochs();
    heartbeat(&other).await;
    assert_eq!(other.get(1).await, Some(10));
    until("the value is in the shared tier", || other.stats().fills == 1).await;

    away.chaos.heal(Operation::Heartbeat);
    heartbeat(&away).await;
    assert!(!away.health().shared, "it lets others go first, since the epoch is another one");
    world.rows.seed(1, 20);
    remote.forget_epochs();
    while !away.health().shared {
        clock.advance(Duration::from_millis(50));
        yield_often().await;
    }
    assert_eq!(away.get(1).await, Some(20));
}

/// Lets the other tasks make all the progress they can at this moment.
async fn yield_often() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
