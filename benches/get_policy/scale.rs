//! What instances cost one Redis, and what entries cost each side: counted by the server, not timed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_benches::Tenants;
use cache_benches::contenders::{TTL, decorate};
use cache_core::Cache;
use cache_tests::RedisServer;
use stores::policy::{CachingPolicyStore, MemoryPolicyStore};

use super::facts::{self, Facts};
use super::{THERE, servers};

const GROUP: &str = "scale";
const PATIENCE: Duration = Duration::from_secs(30);
/// The time for which idle instances are observed: several heartbeats of each.
const IDLE: Duration = Duration::from_secs(5);
const INSTANCES: [usize; 4] = [1, 2, 4, 8];
const READS: usize = 2_000;
const WRITES: usize = 500;
const ENTRIES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// The number of hits whose mean is reported.
const HITS: usize = 1_000_000;

type Store = CachingPolicyStore<MemoryPolicyStore>;

pub(crate) fn measure() {
    if !facts::is_wanted(GROUP) {
        return;
    }
    let Some(mut facts) = Facts::of(GROUP) else { return };
    let Some(server) = servers::redis(THERE, GROUP) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for instances in INSTANCES {
        runtime.block_on(measure_instances(&server, instances, &mut facts));
    }
    for entries in ENTRIES {
        runtime.block_on(measure_local_entries(entries, &mut facts));
    }
    facts.write();
}

/// The commands and bytes of idle instances, of shared hits, and of writes.
async fn measure_instances(server: &RedisServer, instances: usize, facts: &mut Facts) {
    server.command(&["FLUSHALL"]);
    let tenants = Tenants::new(READS);
    let backing = Arc::new(tenants.store());
    let mut fleet = Vec::new();
    for _ in 0..instances {
        let cache = Cache::builder().redis(server.admin_url()).build().expect("an address that parses");
        let store = decorate(Arc::clone(&backing), &cache);
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        fleet.push((cache, store));
    }
    let before = Traffic::of(server);
    tokio::time::sleep(IDLE).await;
    let idle = Traffic::of(server).since(&before);
    let seconds = IDLE.as_secs_f64();
    facts.add(format!("{instances} idle instances: commands per second"), idle.commands / seconds);
    facts.add(format!("{instances} idle instances: bytes per second"), idle.bytes / seconds);

    let (cache, store) = &fleet[0];
    if instances == 1 {
        measure_entries(server, cache, store, &tenants, facts).await;
    }
    let before = Traffic::of(server);
    let began = Instant::now();
    for policy in tenants.policies().iter().take(WRITES) {
        store.set_policy(policy).await.expect("a store in memory does not fail");
    }
    let beside = began.elapsed().as_secs_f64();
    let written = Traffic::of(server).since(&before);
    let per_write = |all: f64, idle: f64| (all - idle / seconds * beside) / as_float(WRITES);
    facts.add(format!("{instances} instances: commands of a write"), per_write(written.commands, idle.commands));
    facts.add(format!("{instances} instances: bytes of a write"), per_write(written.bytes, idle.bytes));
    for (cache, _) in fleet {
        cache.shutdown().await;
    }
}

/// The commands and bytes of a miss with its fill, and of a shared hit; the memory of an entry in the server.
async fn measure_entries(server: &RedisServer, cache: &Cache, store: &Store, tenants: &Tenants, facts: &mut Facts) {
    let (before, memory) = (Traffic::of(server), used_memory(server));
    for tenant in tenants.order() {
        store.get_policy(*tenant).await.expect("a store in memory does not fail");
    }
    while cache.stats().total().fills < tenants.order().len() as u64 {
        tokio::task::yield_now().await;
    }
    let filled = Traffic::of(server).since(&before);
    let entries = as_float(tenants.order().len());
    facts.add("commands of a miss and its fill", filled.commands / entries);
    facts.add("bytes of a miss and its fill", filled.bytes / entries);
    facts.add("memory of an entry and its generation in Redis, bytes", (used_memory(server) - memory) / entries);

    let other = Cache::builder().redis(server.admin_url()).build().expect("an address that parses");
    let reader = CachingPolicyStore::builder(Arc::new(tenants.store()), &other)
        .get_policy(|annotated| annotated.ttl(TTL).local_off())
        .build();
    assert!(other.connected(PATIENCE).await, "{:?}", other.health().await);
    let before = Traffic::of(server);
    for tenant in tenants.order() {
        reader.get_policy(*tenant).await.expect("a store in memory does not fail");
    }
    let read = Traffic::of(server).since(&before);
    assert_eq!(other.stats().total().loads, 0, "a read was no hit");
    facts.add("commands of a shared hit", read.commands / entries);
    facts.add("bytes of a shared hit", read.bytes / entries);
    other.shutdown().await;
}

/// The time of a local hit among this many entries.
async fn measure_local_entries(entries: usize, facts: &mut Facts) {
    let tenants = Tenants::new(entries);
    let cache = Cache::single_instance();
    let store = CachingPolicyStore::builder(Arc::new(tenants.store()), &cache)
        .get_policy(|annotated| annotated.ttl(TTL).local_capacity(2 * entries))
        .build();
    for tenant in tenants.order() {
        store.get_policy(*tenant).await.expect("a store in memory does not fail");
    }
    let loads = cache.stats().total().loads;
    let began = Instant::now();
    for tenant in tenants.order().iter().cycle().take(HITS) {
        std::hint::black_box(store.get_policy(*tenant).await.expect("a hit does not fail"));
    }
    let took = began.elapsed();
    assert_eq!(cache.stats().total().loads, loads, "a read was no hit");
    facts.add(format!("local hit among {entries} entries, nanoseconds"), took.as_secs_f64() * 1e9 / as_float(HITS));
}

/// What a server has handled so far.
struct Traffic {
    commands: f64,
    bytes: f64,
}

impl Traffic {
    fn of(server: &RedisServer) -> Self {
        let stats = info(server, "stats");
        let bytes = number(&stats, "total_net_input_bytes") + number(&stats, "total_net_output_bytes");
        Self { commands: number(&stats, "total_commands_processed"), bytes }
    }

    fn since(&self, before: &Self) -> Self {
        Self { commands: self.commands - before.commands, bytes: self.bytes - before.bytes }
    }
}

fn used_memory(server: &RedisServer) -> f64 {
    number(&info(server, "memory"), "used_memory")
}

fn info(server: &RedisServer, section: &str) -> String {
    server.raw(&["INFO", section]).expect("a server that has just answered")
}

fn number(info: &str, name: &str) -> f64 {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|text| text.trim().parse().ok()).unwrap_or_else(|| panic!("no number {name} in {info}"))
}

#[expect(clippy::cast_precision_loss, reason = "the counts of one run are small")]
fn as_float(count: usize) -> f64 {
    count as f64
}
