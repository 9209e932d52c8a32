//! A hit of the shared tier, beside a bare GET and decode. The local tier is off.
//!
//! The client is one thread on one processor. The placement of the server determines the cost of a round trip, so both
//! are measured: on the same processor the time is mostly the client's own work, on another one it is mostly the time
//! to wake up, as in production.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_benches::contenders::TTL;
use cache_benches::rounds::{Contender, Rounds, percentile_99};
use cache_benches::{Pinned, Tenants};
use cache_core::Cache;
use cache_tests::RedisServer;
use criterion::{Criterion, Throughput};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion};
use stores::TenantId;
use stores::policy::{CachingPolicyStore, MemoryPolicyStore, TenantPolicy};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::facts::{self, Facts};
use super::{HERE, THERE, servers};

const DECORATOR: &str = "decorator";
const RAW: &str = "raw GET and decode";
/// The raw command that the consistency guarantee needs.
const RAW_FENCED: &str = "raw MGET and decode";

/// The placement of the server, and the number of concurrent tasks.
const CASES: [(&str, usize, usize); 4] = [
    ("shared hit, 1 task, one processor", HERE, 1),
    ("shared hit, 1 task", THERE, 1),
    ("shared hit, 64 tasks", THERE, 64),
    ("shared hit, 512 tasks", THERE, 512),
];

/// Longer than a read waits on a busy machine.
///
/// A read that timed out would be measured as a hit.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the run: while criterion draws its plots, the cache sends no heartbeats.
const LEASE: Duration = Duration::from_hours(1);

const ROUNDS: usize = 40;
/// Reads of one turn in a round, by all tasks together.
const BLOCK: usize = 1024;

pub(crate) fn measure(criterion: &mut Criterion) {
    let tenants = Tenants::default();
    for core in [HERE, THERE] {
        let wanted = |case: &&(&'static str, usize, usize)| case.1 == core && facts::is_wanted(case.0);
        let cases: Vec<_> = CASES.iter().filter(wanted).collect();
        if cases.is_empty() {
            continue;
        }
        let Some(server) = servers::redis(core, "shared hit") else { return };
        let _pinned = Pinned::to(HERE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let readers = runtime.block_on(Readers::new(&tenants, &server));
        for (group, _, tasks) in cases {
            compare(criterion, group, *tasks, &runtime, &readers);
        }
        runtime.block_on(readers.close());
    }
}

fn compare(criterion: &mut Criterion, name: &'static str, tasks: usize, runtime: &Runtime, readers: &Readers) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(tasks as u64));
    group.bench_function(DECORATOR, |bencher| {
        bencher.iter_custom(|reads| runtime.block_on(readers.decorated(tasks, reads)).all);
    });
    group.bench_function(RAW, |bencher| {
        bencher.iter_custom(|reads| runtime.block_on(readers.raw(tasks, reads)).all);
    });
    group.bench_function(RAW_FENCED, |bencher| {
        bencher.iter_custom(|reads| runtime.block_on(readers.raw_fenced(tasks, reads)).all);
    });
    group.finish();
    let Some(mut facts) = Facts::of(name) else { return };
    let (mut decorated, mut raw) = (Vec::new(), Vec::new());
    let reads = (BLOCK / tasks) as u64;
    let take = |times: Times, each: &mut Vec<Duration>| {
        each.extend(times.each);
        times.all
    };
    let rounds = Rounds::run(
        ROUNDS,
        vec![
            Contender::new(DECORATOR, || take(runtime.block_on(readers.decorated(tasks, reads)), &mut decorated)),
            Contender::new(RAW, || take(runtime.block_on(readers.raw(tasks, reads)), &mut raw)),
            Contender::new(RAW_FENCED, || runtime.block_on(readers.raw_fenced(tasks, reads)).all),
        ],
    );
    facts.add("time, decorator / raw", rounds.ratio(DECORATOR, RAW));
    facts.add("time, decorator / raw, fenced", rounds.ratio(DECORATOR, RAW_FENCED));
    facts.add("throughput, decorator / raw", 1.0 / rounds.ratio(DECORATOR, RAW));
    let [decorated, raw] = [decorated, raw].map(|times| percentile_99(times).as_secs_f64());
    facts.add("p99, decorator / raw", decorated / raw);
    facts.add("p99, decorator, microseconds", decorated * 1e6);
    facts.write();
}

/// Both contenders, over one server with every tenant in it.
pub(super) struct Readers {
    order: Arc<[TenantId]>,
    pub(super) store: CachingPolicyStore<MemoryPolicyStore>,
    cache: Cache,
    pub(super) connection: MultiplexedConnection,
}

impl Readers {
    pub(super) async fn new(tenants: &Tenants, server: &RedisServer) -> Self {
        let cache = Cache::builder().redis(server.admin_url()).read_timeout(PATIENCE).lease(LEASE);
        let cache = cache.build().expect("an address that parses");
        let store = CachingPolicyStore::builder(Arc::new(tenants.store()), &cache)
            .get_policy(|annotated| annotated.ttl(TTL).local_off())
            .build();
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        let connection = connect(server).await.expect("a server that has just answered");
        let readers = Self { order: tenants.order().into(), store, cache, connection };
        readers.fill().await;
        readers
    }

    /// Reads every tenant until no read reaches the store. A fill follows the read that caused it.
    async fn fill(&self) {
        for _ in 0..5 {
            let before = self.loads();
            for tenant in &*self.order {
                self.store.get_policy(*tenant).await.expect("a store in memory does not fail");
            }
            if self.loads() == before {
                return;
            }
        }
        panic!("the shared tier does not keep the fill: {:?}", self.cache.stats());
    }

    pub(super) fn loads(&self) -> u64 {
        self.cache.stats().total().loads
    }

    async fn decorated(&self, tasks: usize, reads: u64) -> Times {
        let before = self.loads();
        let times = self.in_tasks(tasks, reads, &Decorated(self.store.clone())).await;
        assert_eq!(self.loads(), before, "a read was no hit");
        times
    }

    async fn raw(&self, tasks: usize, reads: u64) -> Times {
        self.in_tasks(tasks, reads, &Raw(self.connection.clone())).await
    }

    async fn raw_fenced(&self, tasks: usize, reads: u64) -> Times {
        self.in_tasks(tasks, reads, &RawFenced(self.connection.clone())).await
    }

    /// Runs `tasks` tasks with `reads` reads each.
    ///
    /// No two of them read the same tenant at the same time.
    async fn in_tasks<R: Read>(&self, tasks: usize, reads: u64, reader: &R) -> Times {
        let apart = self.order.len() / tasks;
        let mut running = JoinSet::new();
        let start = Instant::now();
        for task in 0..tasks {
            running.spawn(one_after_another(reader.clone(), Arc::clone(&self.order), task * apart, reads));
        }
        let each = running.join_all().await;
        Times { all: start.elapsed(), each: each.concat() }
    }

    pub(super) async fn close(self) {
        self.cache.shutdown().await;
    }
}

/// The total time of a number of reads, and the time of each.
struct Times {
    all: Duration,
    each: Vec<Duration>,
}

async fn one_after_another<R: Read>(mut reader: R, order: Arc<[TenantId]>, first: usize, reads: u64) -> Vec<Duration> {
    let mut times = Vec::new();
    for (at, _) in (first..).zip(0..reads) {
        let start = Instant::now();
        let found = reader.read(order[at % order.len()]).await;
        times.push(start.elapsed());
        assert!(found.is_some(), "every tenant has a policy");
    }
    times
}

/// A way to read the policy of a tenant.
trait Read: Clone + Send + 'static {
    fn read(&mut self, tenant: TenantId) -> impl Future<Output = Option<Arc<TenantPolicy>>> + Send;
}

#[derive(Clone)]
struct Decorated(CachingPolicyStore<MemoryPolicyStore>);

impl Read for Decorated {
    async fn read(&mut self, tenant: TenantId) -> Option<Arc<TenantPolicy>> {
        self.0.get_policy(tenant).await.expect("a hit does not fail")
    }
}

#[derive(Clone)]
struct Raw(MultiplexedConnection);

impl Read for Raw {
    async fn read(&mut self, tenant: TenantId) -> Option<Arc<TenantPolicy>> {
        let bytes: Vec<u8> =
            redis::cmd("GET").arg(key(tenant)).query_async(&mut self.0).await.expect("a GET does not fail");
        rmp_serde::from_slice(payload(&bytes)).expect("an entry that decodes")
    }
}

/// The command of the decorator's own read: the entry, and its generations.
#[derive(Clone)]
struct RawFenced(MultiplexedConnection);

impl Read for RawFenced {
    async fn read(&mut self, tenant: TenantId) -> Option<Arc<TenantPolicy>> {
        let found = mget(&[key(tenant)], &mut self.0).await;
        assert!(found.iter().all(Option::is_some), "an entry without its generations is a miss");
        rmp_serde::from_slice(payload(found[0].as_deref().unwrap_or_default())).expect("an entry that decodes")
    }
}

pub(super) fn key(tenant: TenantId) -> String {
    format!("copilot:llm:policy:{tenant}")
}

/// Reads entries and their generations: each entry and the generation of its own scope, then that of the method.
pub(super) async fn mget(keys: &[String], connection: &mut MultiplexedConnection) -> Vec<Option<Vec<u8>>> {
    let mut command = redis::cmd("MGET");
    for key in keys {
        command.arg(key).arg(format!("g:{{{key}}}"));
    }
    command.arg("g:{copilot:llm:policy:*}");
    command.query_async(connection).await.expect("a read does not fail")
}

/// The payload within an envelope.
///
/// It follows a header of 78 bytes, whose sixth byte counts the generations, and the generations, whose ninth byte is
/// the length of their rest; a checksum of 8 bytes follows it.
pub(super) fn payload(entry: &[u8]) -> &[u8] {
    let mut at = 78;
    for _ in 0..entry[5] {
        at += 9 + usize::from(entry[at + 8]);
    }
    &entry[at..entry.len() - 8]
}

/// A connection with the settings of the decorator's own connection.
async fn connect(server: &RedisServer) -> redis::RedisResult<MultiplexedConnection> {
    let info = server.admin_url().into_connection_info()?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(1024);
    Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp))?
        .get_multiplexed_async_connection_with_config(&config)
        .await
}
