//! A hit of the shared tier, beside a bare GET and decode, and beside the peers that use Redis. No local tier is on.
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
use stores::TenantId;
use stores::policy::{CachingPolicyStore, MemoryPolicyStore, TenantPolicy};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::facts::{self, Facts};
use super::peers::{self, CacheKit, MultiTier, Peer, SharedCached, Source, TwoTiers};
use super::raw_redis::{connect, key, mget, payload};
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
        let contenders = runtime.block_on(readers.contenders(&tenants, &server.admin_url()));
        for (group, _, tasks) in cases {
            compare(criterion, group, *tasks, &runtime, &contenders);
        }
        drop(contenders);
        runtime.block_on(readers.close());
    }
}

fn compare(criterion: &mut Criterion, name: &'static str, tasks: usize, runtime: &Runtime, cases: &[Case<'_>]) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(tasks as u64));
    for case in cases {
        group.bench_function(case.name, |bencher| {
            bencher.iter_custom(|reads| (case.read)(runtime, tasks, reads).all);
        });
    }
    group.finish();
    let Some(mut facts) = Facts::of(name) else { return };
    let reads = (BLOCK / tasks) as u64;
    let mut each = vec![Vec::new(); cases.len()];
    let contenders = cases.iter().zip(&mut each).map(|(case, each)| {
        Contender::new(case.name, move || {
            let times = (case.read)(runtime, tasks, reads);
            each.extend(times.each);
            times.all
        })
    });
    let rounds = Rounds::run(ROUNDS, contenders.collect());
    facts.add("time, decorator / raw", rounds.ratio(DECORATOR, RAW));
    facts.add("time, decorator / raw, fenced", rounds.ratio(DECORATOR, RAW_FENCED));
    facts.add("throughput, decorator / raw", 1.0 / rounds.ratio(DECORATOR, RAW));
    for case in cases.iter().filter(|case| case.name != DECORATOR) {
        facts.add(format!("{} / {DECORATOR}", case.name), rounds.ratio(case.name, DECORATOR));
    }
    let p99 = |name| {
        let at = cases.iter().position(|case| case.name == name).expect("it is one of the cases");
        percentile_99(each[at].clone()).as_secs_f64()
    };
    facts.add("p99, decorator / raw", p99(DECORATOR) / p99(RAW));
    facts.add("p99, decorator, microseconds", p99(DECORATOR) * 1e6);
    facts.write();
}

/// A contender: its name, and a function that runs a number of tasks with a number of reads each.
struct Case<'a> {
    name: &'static str,
    read: Box<Reads<'a>>,
}

/// Runs this many tasks, with this many reads each.
type Reads<'a> = dyn Fn(&Runtime, usize, u64) -> Times + 'a;

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

    /// Everything that reads from this server.
    async fn contenders(&self, tenants: &Tenants, url: &str) -> Vec<Case<'_>> {
        let source: Source = Arc::new(tenants.store());
        let decorated = Box::new(|runtime: &Runtime, tasks, reads| {
            let before = self.loads();
            let times = runtime.block_on(self.in_tasks(tasks, reads, &Decorated(self.store.clone())));
            assert_eq!(self.loads(), before, "a read was no hit");
            times
        });
        vec![
            Case { name: DECORATOR, read: decorated },
            self.case(RAW, Raw(self.connection.clone())),
            self.case(RAW_FENCED, RawFenced(self.connection.clone())),
            self.peer("cached", SharedCached::shared(source.clone(), url).await).await,
            self.peer("multi-tier-cache", MultiTier::shared(source.clone(), url).await).await,
            self.peer("cachekit-rs", CacheKit::shared(source.clone(), url).await).await,
            self.peer("moka and Redis by hand", TwoTiers::shared(source, url).await).await,
        ]
    }

    fn case<R: Read>(&self, name: &'static str, reader: R) -> Case<'_> {
        let read = move |runtime: &Runtime, tasks, reads| runtime.block_on(self.in_tasks(tasks, reads, &reader));
        Case { name, read: Box::new(read) }
    }

    async fn peer<P: Peer>(&self, name: &'static str, peer: P) -> Case<'_> {
        self.case(name, Other(Arc::new(peers::filled(peer, &self.order).await)))
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
    type Value: Send;

    fn read(&mut self, tenant: TenantId) -> impl Future<Output = Option<Self::Value>> + Send;
}

#[derive(Clone)]
struct Decorated(CachingPolicyStore<MemoryPolicyStore>);

impl Read for Decorated {
    type Value = Arc<TenantPolicy>;

    async fn read(&mut self, tenant: TenantId) -> Option<Arc<TenantPolicy>> {
        self.0.get_policy(tenant).await.expect("a hit does not fail")
    }
}

#[derive(Clone)]
struct Raw(MultiplexedConnection);

impl Read for Raw {
    type Value = Arc<TenantPolicy>;

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
    type Value = Arc<TenantPolicy>;

    async fn read(&mut self, tenant: TenantId) -> Option<Arc<TenantPolicy>> {
        let found = mget(&[key(tenant)], &mut self.0).await;
        assert!(found.iter().all(Option::is_some), "an entry without its generations is a miss");
        rmp_serde::from_slice(payload(found[0].as_deref().unwrap_or_default())).expect("an entry that decodes")
    }
}

struct Other<P>(Arc<P>);

impl<P> Clone for Other<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Peer> Read for Other<P> {
    type Value = P::Value;

    async fn read(&mut self, tenant: TenantId) -> Option<P::Value> {
        self.0.get(tenant).await
    }
}
