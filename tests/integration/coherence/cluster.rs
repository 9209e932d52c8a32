//! A Redis Cluster: slots that move, servers that come and go, and one heartbeat for all.
//!
//! The races of the other modules run on a cluster as well, by `World::each`.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::Operation;
use cache_core::{Cache, Status};
use cache_tests::{RedisCluster, RedisServer};

use super::register::{CachingRegister, Rows};
use super::sync_points::until;
use super::world::{Instance, World};

const PATIENCE: Duration = Duration::from_secs(20);
/// An entry, and the scopes of it and its method.
const ENTRY: &str = "race:test:register:1";
const OWN: &str = "g:{race:test:register:1}";
const METHOD: &str = "g:{race:test:register:*}";
/// A key of the namespace.
const NAMESPACE: &str = "g:{race:}:members";

/// A service of two instances on a cluster of its own.
struct Service {
    rows: Arc<Rows>,
    instances: [(Cache, CachingRegister<Rows>); 2],
}

impl Service {
    async fn start(url: &str, lease: Duration) -> Self {
        let rows = Arc::<Rows>::default();
        let one = Self::instance(&rows, url, lease).await;
        let two = Self::instance(&rows, url, lease).await;
        Self { rows, instances: [one, two] }
    }

    async fn instance(rows: &Arc<Rows>, url: &str, lease: Duration) -> (Cache, CachingRegister<Rows>) {
        let cache = Cache::builder().redis(url).lease(lease).write_timeout(PATIENCE).build().unwrap();
        let store = CachingRegister::new(Arc::clone(rows), &cache);
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        (cache, store)
    }

    /// Writes on the first instance, and reads on both.
    async fn write_and_read(&self, value: u64) {
        let [(_, writer), (_, reader)] = &self.instances;
        writer.set(1, value).await.unwrap();
        assert_eq!(writer.get(1).await, Ok(Some(value)));
        // The local tier may lag by the message's way.
        while reader.get(1).await.unwrap() != Some(value) {
            tokio::task::yield_now().await;
        }
    }

    async fn is_healthy(&self) -> bool {
        let healths = [self.instances[0].0.health().await, self.instances[1].0.health().await];
        healths.iter().all(|health| health.status == Status::Healthy)
    }

    async fn recovers(&self) {
        let began = std::time::Instant::now();
        while !self.is_healthy().await {
            assert!(began.elapsed() < Duration::from_mins(1), "{:?}", self.instances[0].0.health().await);
            tokio::task::yield_now().await;
        }
    }
}

/// Writes on one instance while another reads from both tiers.
async fn write_and_read(writer: &Instance, reader: &Instance, value: u64) {
    writer.set(1, value).await;
    until("the invalidation is received", || reader.store.peek_get(1).is_none_or(|seen| seen == Some(value))).await;
    assert_eq!((writer.get(1).await, reader.get(1).await), (Some(value), Some(value)));
}

#[tokio::test]
async fn a_slot_moves_under_reads_and_writes() {
    let cluster = Arc::new(RedisCluster::start(3, 0));
    let world = World::on_servers(Arc::clone(&cluster) as _, None);
    let (writer, reader) = (world.instance().await, world.instance().await);
    let mut value = 0;
    let mut next = || {
        value += 1;
        value
    };
    for slot in [OWN, METHOD, NAMESPACE] {
        write_and_read(&writer, &reader, next()).await;
        let to = (cluster.owner(slot) + 1) % 3;
        let from = cluster.begin_to_move(slot, to);
        write_and_read(&writer, &reader, next()).await;
        // The entry and its generation are on two servers.
        let key = if slot == OWN { ENTRY } else { slot };
        if cluster.raw(&["EXISTS", key]).unwrap().trim() == "1" {
            cluster.move_key(key, from, to);
        }
        write_and_read(&writer, &reader, next()).await;
        cluster.move_keys(slot, from, to);
        write_and_read(&writer, &reader, next()).await;
        cluster.finish_to_move(slot, from, to);
        write_and_read(&writer, &reader, next()).await;
    }
    for instance in [&writer, &reader] {
        let health = instance.health();
        assert!(health.local && health.shared, "nobody has lost a connection: {health:?}");
        assert_eq!((health.pending_invalidations, instance.stats().load_errors), (0, 0));
    }
}

#[tokio::test]
async fn slots_move_to_a_new_server() {
    let mut cluster = RedisCluster::start(3, 0);
    let service = Service::start(&cluster.url(), Duration::from_millis(500)).await;
    service.write_and_read(1).await;
    let new = cluster.add_primary();
    for (slot, value) in [(OWN, 2), (METHOD, 3), (NAMESPACE, 4)] {
        cluster.move_slot(slot, new);
        service.write_and_read(value).await;
    }
    service.recovers().await;
    service.write_and_read(5).await;
}

/// The other servers return their parts of the heartbeat.
#[tokio::test]
async fn a_lease_needs_the_heartbeat_of_every_server() {
    let mut cluster = RedisCluster::start_with(3, 0, &["--cluster-node-timeout", "60000"]);
    let service = Service::start(&cluster.url(), Duration::from_millis(500)).await;
    service.write_and_read(1).await;
    let [(cache, store), _] = &service.instances;
    for place in 0..3 {
        cluster.server_mut(place).pause();
        while cache.health().await.local {
            assert_eq!(store.get(1).await, Ok(Some(1)));
        }
        cluster.server_mut(place).resume();
        service.recovers().await;
    }
}

/// No caller sees an error, and no value is lost.
#[tokio::test]
async fn a_replica_takes_over_after_a_crash() {
    let mut cluster = RedisCluster::start(3, 3);
    let service = Service::start(&cluster.url(), Duration::from_secs(1)).await;
    service.write_and_read(1).await;
    let killed = cluster.owner(OWN);
    cluster.server_mut(killed).kill();
    let [(cache, writer), (_, reader)] = &service.instances;
    let mut value = 1;
    while cache.health().await.shared {
        value += 1;
        writer.set(1, value).await.unwrap();
        assert_eq!(writer.get(1).await, Ok(Some(value)));
        assert!(reader.get(1).await.unwrap().is_some());
    }
    service.recovers().await;
    service.write_and_read(value + 1).await;
}

/// It has a generation of before the write, and the entry of that generation.
#[tokio::test]
async fn r22_a_lagging_replica_brings_no_old_entry_back() {
    let mut cluster = RedisCluster::start_with(3, 3, &["--cluster-replica-validity-factor", "0"]);
    let primary = cluster.owner(OWN);
    let service = Service::start(&cluster.url(), Duration::from_secs(1)).await;
    let [(first, writer), _] = &service.instances;
    service.rows.seed(1, 10);
    assert_eq!(writer.get(1).await, Ok(Some(10)));
    until("the value is in the shared tier", || first.stats().method("Register", "get").fills == 1).await;
    let replicas = || cluster.servers()[primary].raw(&["WAIT", "1", "5000"]).unwrap();
    assert_eq!(replicas().trim(), "1", "the replica has the entry");
    cluster.server_mut(primary + 3).pause();
    writer.set(1, 20).await.unwrap();
    cluster.server_mut(primary).kill();
    cluster.server_mut(primary + 3).resume();
    // An instance that knows of nothing, so that only the entry can tell.
    service.recovers().await;
    let url = cluster.url();
    let (cache, third) = Service::instance(&service.rows, &url, Duration::from_secs(1)).await;
    assert_eq!(third.get(1).await, Ok(Some(20)));
    assert_eq!(cache.stats().method("Register", "get").loads, 1, "the old entry is there, and not current");
}

#[tokio::test]
async fn an_administrator_fails_over() {
    let cluster = RedisCluster::start(3, 3);
    let service = Service::start(&cluster.url(), Duration::from_millis(500)).await;
    service.write_and_read(1).await;
    let primary = cluster.owner(OWN);
    cluster.servers()[primary + 3].command(&["CLUSTER", "FAILOVER"]);
    let mut value = 1;
    while cluster.owner(OWN) == primary {
        value += 1;
        service.instances[0].1.set(1, value).await.unwrap();
        assert_eq!(service.instances[0].1.get(1).await, Ok(Some(value)));
    }
    service.recovers().await;
    service.write_and_read(value + 1).await;
}

/// The reader does not know the server that has published the message. It learns of it before its next heartbeat.
#[tokio::test]
async fn r5_a_message_of_a_server_that_is_new_leaves_no_entry_behind() {
    let cluster = Arc::new(RedisCluster::start(3, 3));
    let world = World::on_servers(Arc::clone(&cluster) as _, None);
    // Its next heartbeat is due within half of that.
    let lease = Duration::from_secs(20);
    let (writer, reader) = (world.instance().await, world.instance_with_lease(lease).await);
    world.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    reader.chaos.hold(Operation::Heartbeat);
    let primary = cluster.owner(OWN);
    cluster.servers()[primary + 3].command(&["CLUSTER", "FAILOVER"]);
    until("the replica has taken over", || cluster.owner(OWN) != primary).await;
    writer.set(1, 20).await;
    assert_eq!(reader.store.peek_get(1), Some(Some(10)), "the message has not arrived, and the lease goes on");
    reader.chaos.release(Operation::Heartbeat);
    until("the entry has left the local tier", || reader.store.peek_get(1) != Some(Some(10))).await;
    assert_eq!(reader.get(1).await, Some(20));
}

#[tokio::test]
async fn one_server_of_the_address_is_enough() {
    let cluster = RedisCluster::start(3, 0);
    let alone = RedisServer::start();
    let other = format!("127.0.0.1:{}", alone.port());
    drop(alone);
    let url = cluster.url();
    let last = url.rsplit_once(',').unwrap().1;
    let url = url.replace(url.split_once('@').unwrap().1, &format!("{other},{last}"));
    let service = Service::start(&url, Duration::from_secs(1)).await;
    service.write_and_read(1).await;
}

#[tokio::test]
async fn a_server_of_the_other_kind_is_reported() {
    let (alone, cluster) = (RedisServer::start(), RedisCluster::start(3, 0));
    let as_cluster = alone.url().replace("redis://", "redis-cluster://");
    // A server that has not the slot of the cache's own keys.
    let as_one = cluster.servers()[(cluster.owner("g:{cache:}:epoch") + 1) % 3].url();
    alone.command(&["ACL", "SETUSER", "tests", "+cluster|nodes"]);
    for (url, text) in [(as_cluster, "cluster support disabled"), (as_one, "MOVED")] {
        let cache = Cache::builder().redis(url).build().unwrap();
        let began = std::time::Instant::now();
        let error = loop {
            if let Some(error) = cache.health().await.error {
                break error;
            }
            assert!(began.elapsed() < PATIENCE, "no error is reported");
            tokio::task::yield_now().await;
        };
        assert!(error.contains(text), "{error}");
    }
}
