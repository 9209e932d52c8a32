//! What a Redis Cluster costs beside one server: reads, writes and invalidations by the number of shards, and what idle
//! instances send.
//!
//! All servers share the two processors of this machine, so that more shards do not make it faster. The figures say
//! what the distribution costs, and the counted ones do not depend on the machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_benches::Tenants;
use cache_benches::contenders::TTL;
use cache_core::Cache;
use cache_tests::{RedisCluster, RedisServer};
use futures_util::future::join_all;
use stores::policy::{CachingPolicyStore, MemoryPolicyStore};

use super::facts::{self, Facts};

const GROUP: &str = "shards";
const PATIENCE: Duration = Duration::from_secs(30);
/// The time for which an idle instance is observed: several heartbeats.
const IDLE: Duration = Duration::from_secs(5);
const SHARDS: [usize; 3] = [1, 2, 3];
const READS: usize = 20_000;
const WRITES: usize = 4_000;
/// The tasks that read or write at the same time.
const TASKS: usize = 64;

type Store = CachingPolicyStore<MemoryPolicyStore>;

pub(crate) fn measure() {
    if !facts::is_wanted(GROUP) {
        return;
    }
    let Some(mut facts) = Facts::of(GROUP) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = RedisServer::start();
    runtime.block_on(measure_servers("one server", &server.admin_url(), &[&server], &mut facts));
    drop(server);
    for shards in SHARDS {
        let cluster = RedisCluster::start(shards, 0);
        let servers: Vec<&RedisServer> = cluster.servers().iter().collect();
        runtime.block_on(measure_servers(&format!("{shards} shards"), &cluster.url(), &servers, &mut facts));
    }
    facts.write();
}

async fn measure_servers(name: &str, url: &str, servers: &[&RedisServer], facts: &mut Facts) {
    let tenants = Tenants::new(READS / 10);
    let (cache, store) = instance(url, &tenants).await;
    let (other, reader) = instance(url, &tenants).await;
    for tenant in tenants.order() {
        store.get_policy(*tenant).await.expect("a store in memory does not fail");
    }
    while cache.stats().total().fills < tenants.order().len() as u64 {
        tokio::task::yield_now().await;
    }

    let before = Traffic::of(servers);
    tokio::time::sleep(IDLE).await;
    let idle = Traffic::of(servers).since(&before);
    let seconds = IDLE.as_secs_f64();
    // Two instances are connected.
    facts.add(format!("{name}: commands per second of an idle instance"), idle.commands / seconds / 2.0);
    facts.add(format!("{name}: bytes per second of an idle instance"), idle.bytes / seconds / 2.0);

    let reads = async |tasks: usize, count: usize| {
        let task = async |task: usize| {
            for tenant in tenants.order().iter().cycle().skip(task).step_by(tasks).take(count / tasks) {
                reader.get_policy(*tenant).await.expect("a store in memory does not fail");
            }
        };
        let began = Instant::now();
        join_all((0..tasks).map(task)).await;
        began.elapsed().as_secs_f64()
    };
    facts.add(format!("{name}: microseconds of a shared hit"), reads(1, READS / 10).await * 1e6 / as_float(READS / 10));
    facts.add(format!("{name}: shared hits per second, {TASKS} tasks"), as_float(READS) / reads(TASKS, READS).await);
    assert_eq!(other.stats().total().loads, 0, "a read was no hit");

    let before = Traffic::of(servers);
    let write = async |task: usize| {
        for policy in tenants.policies().iter().cycle().skip(task).step_by(TASKS).take(WRITES / TASKS) {
            store.set_policy(policy).await.expect("a store in memory does not fail");
        }
    };
    let began = Instant::now();
    join_all((0..TASKS).map(write)).await;
    let took = began.elapsed().as_secs_f64();
    let written = Traffic::of(servers).since(&before);
    facts.add(format!("{name}: writes per second, {TASKS} tasks"), as_float(WRITES) / took);
    facts.add(format!("{name}: commands of a write"), written.commands / as_float(WRITES));
    facts.add(format!("{name}: messages between the servers, of a write"), written.forwarded / as_float(WRITES));

    let began = Instant::now();
    for tenant in tenants.order().iter().cycle().take(WRITES / 4) {
        store.invalidate_get_policy(*tenant).await;
    }
    let took = began.elapsed().as_secs_f64();
    facts.add(format!("{name}: invalidations per second, 1 task"), as_float(WRITES / 4) / took);
    cache.shutdown().await;
    other.shutdown().await;
}

/// An instance that reads from the shared tier each time.
async fn instance(url: &str, tenants: &Tenants) -> (Cache, Store) {
    let cache = Cache::builder().redis(url).read_timeout(PATIENCE).build().expect("an address that parses");
    let store = CachingPolicyStore::builder(Arc::new(tenants.store()), &cache)
        .get_policy(|annotated| annotated.ttl(TTL).local_off())
        .build();
    assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
    (cache, store)
}

/// What the servers have handled so far, all together.
#[derive(Default)]
struct Traffic {
    commands: f64,
    bytes: f64,
    /// Messages that one server has forwarded to another.
    forwarded: f64,
}

impl Traffic {
    fn of(servers: &[&RedisServer]) -> Self {
        let mut all = Self::default();
        for server in servers {
            let stats = server.raw(&["INFO", "stats"]).expect("a server that has just answered");
            all.commands += number(&stats, "total_commands_processed");
            all.bytes += number(&stats, "total_net_input_bytes") + number(&stats, "total_net_output_bytes");
            // A server that is none of a cluster returns an error, and has forwarded nothing.
            let cluster = server.raw(&["CLUSTER", "INFO"]).expect("a server that has just answered");
            all.forwarded += number(&cluster, "cluster_stats_messages_publish_sent");
        }
        all
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            commands: self.commands - before.commands,
            bytes: self.bytes - before.bytes,
            forwarded: self.forwarded - before.forwarded,
        }
    }
}

/// The number of this name; zero if there is none.
fn number(info: &str, name: &str) -> f64 {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|text| text.trim().parse().ok()).unwrap_or(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "the counts of one run are small")]
fn as_float(count: usize) -> f64 {
    count as f64
}
