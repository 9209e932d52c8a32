//! Makes a number of shared hits of one case: `shared_read CASE TASKS READS`.
//!
//! Prints the allocations, the processor time and the time of one read. An instruction counter around two runs with
//! different numbers of reads gives the instructions of one.

#[path = "../get_policy/raw_redis.rs"]
mod raw_redis;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use cache_benches::contenders::TTL;
use cache_benches::{Pinned, Tenants};
use cache_core::Cache;
use cache_tests::RedisServer;
use redis::aio::MultiplexedConnection;
use stores::TenantId;
use stores::policy::{CachingPolicyStore, MemoryPolicyStore, TenantPolicy};
use tokio::task::JoinSet;

use raw_redis::{connect, key, mget, payload};

/// The processor of the reads, and that of the server.
const HERE: usize = 0;
const THERE: usize = 1;
/// Longer than a read waits on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than any run.
const LEASE: Duration = Duration::from_hours(1);
/// Fewer than in the benchmarks: the fill is slow under an instruction counter.
const TENANTS: usize = 2000;
/// The unit of the processor time in `/proc/self/stat`, in nanoseconds.
const TICK: f64 = 1e7;

#[expect(clippy::cast_precision_loss, reason = "the counts of one run are small")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [case, tasks, reads] = &arguments[..] else { return usage() };
    let (Ok(tasks), Ok(reads)) = (tasks.parse(), reads.parse()) else { return usage() };
    let pinned = Pinned::to(THERE);
    let server = RedisServer::start();
    drop(pinned);
    let _pinned = Pinned::to(HERE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tenants = Tenants::new(TENANTS);
    let (store, cache) = runtime.block_on(filled(&server, &tenants));
    let connection = runtime.block_on(connect(&server)).expect("a server that has just answered");
    let read = match case.as_str() {
        "decorator" => Way::Decorator(store),
        "get" => Way::Get(connection),
        "mget" => Way::Mget(connection),
        _ => return usage(),
    };
    let order: Arc<[TenantId]> = tenants.order().into();
    runtime.block_on(run(&read, &order, tasks, 100));
    let (began, used) = (Instant::now(), processor_time());
    let allocated = measure(|| runtime.block_on(run(&read, &order, tasks, reads)));
    let (took, used) = (began.elapsed(), processor_time() - used);
    let all = (tasks * reads) as f64;
    println!(
        "{case}, {tasks} tasks: {:.2} allocations, {:.0} bytes, {:.2} us of processor, {:.2} us",
        allocated.count_total as f64 / all,
        allocated.bytes_total as f64 / all,
        used / all / 1e3,
        took.as_secs_f64() * 1e6 / all,
    );
    runtime.block_on(cache.shutdown());
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: shared_read CASE TASKS READS, where CASE is one of decorator, get, mget");
    ExitCode::FAILURE
}

/// The processor time of this process in nanoseconds.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells it");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() * TICK
}

async fn filled(server: &RedisServer, tenants: &Tenants) -> (CachingPolicyStore<MemoryPolicyStore>, Cache) {
    let cache = Cache::builder().redis(server.admin_url()).read_timeout(PATIENCE).lease(LEASE);
    let cache = cache.build().expect("an address that parses");
    let store = CachingPolicyStore::builder(Arc::new(tenants.store()), &cache)
        .get_policy(|annotated| annotated.ttl(TTL).local_off())
        .build();
    assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
    let loads = || cache.stats().total().loads;
    for _ in 0..5 {
        let before = loads();
        for tenant in tenants.order() {
            store.get_policy(*tenant).await.expect("a store in memory does not fail");
        }
        if loads() == before {
            return (store, cache);
        }
    }
    panic!("the shared tier does not keep the fill: {:?}", cache.stats());
}

/// A way to read the policy of a tenant.
#[derive(Clone)]
enum Way {
    Decorator(CachingPolicyStore<MemoryPolicyStore>),
    /// The entry alone.
    Get(MultiplexedConnection),
    /// The entry with its generations.
    Mget(MultiplexedConnection),
}

async fn run(way: &Way, order: &Arc<[TenantId]>, tasks: usize, reads: usize) {
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let (mut way, order) = (way.clone(), Arc::clone(order));
        let first = task * order.len() / tasks;
        running.spawn(async move {
            for at in first..first + reads {
                way.read(order[at % order.len()]).await;
            }
        });
    }
    running.join_all().await;
}

impl Way {
    async fn read(&mut self, tenant: TenantId) {
        match self {
            Self::Decorator(store) => {
                assert!(store.get_policy(tenant).await.expect("a hit does not fail").is_some());
            }
            Self::Get(connection) => {
                let bytes: Vec<u8> =
                    redis::cmd("GET").arg(key(tenant)).query_async(connection).await.expect("a GET does not fail");
                decode(&bytes);
            }
            Self::Mget(connection) => {
                let found = mget(&[key(tenant)], connection).await;
                assert!(found.iter().all(Option::is_some), "an entry without its generations is a miss");
                decode(found[0].as_deref().unwrap_or_default());
            }
        }
    }
}

fn decode(entry: &[u8]) {
    let found: Option<Arc<TenantPolicy>> = rmp_serde::from_slice(payload(entry)).expect("an entry that decodes");
    assert!(found.is_some(), "every tenant has a policy");
}
