//! The cost of a write in each mode, and of one that stores its value, beside the bare store and the raw commands that a write consists of.
//!
//! The raw commands are those of a real write in mode `safe`, as the server logged them: one script that locks, one that
//! releases. What a write costs beyond them and the store is the client's own part.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cache_benches::contenders::TTL;
use cache_benches::rounds::{Contender, Rounds};
use cache_benches::{Pinned, Tenants};
use cache_core::{Cache, cached_store};
use cache_tests::RedisServer;
use criterion::{Criterion, Throughput};
use redis::aio::MultiplexedConnection;
use stores::policy::{CachingPolicyStore, MemoryPolicyStore, PolicyStore, TenantPolicy};
use stores::{Page, PageRequest, StoreError, TenantId};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::facts::{self, Facts};
use super::raw_redis::connect;
use super::{HERE, THERE, servers};

const CASES: [(&str, usize); 2] = [("writes, 1 writer", 1), ("writes, 64 writers", 64)];
const BARE: &str = "bare store";
const FAST: &str = "fast";
const SAFE: &str = "safe";
/// In mode `safe`, with the value in both tiers when it returns.
const UPDATES: &str = "safe, stores the value";
const RAW: &str = "raw, two round trips";
const ALL: [&str; 5] = [BARE, FAST, SAFE, UPDATES, RAW];

/// Longer than a write waits on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the run: while criterion draws its plots, the cache sends no heartbeats.
const LEASE: Duration = Duration::from_hours(1);
/// A write in mode `strict` waits for it.
const SHORT_LEASE: Duration = Duration::from_millis(200);

const ROUNDS: usize = 40;
/// Writes of one turn in a round, by all writers together.
const BLOCK: usize = 512;
/// Writes in mode `strict` by each writer.
const STRICT: u64 = 5;

pub(crate) fn measure(criterion: &mut Criterion) {
    if !CASES.iter().any(|(name, _)| facts::is_wanted(name)) {
        return;
    }
    let Some(server) = servers::redis(THERE, "writes") else { return };
    let _pinned = Pinned::to(HERE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let writers = runtime.block_on(Writers::new(&server));
    for (name, count) in CASES {
        compare(criterion, name, count, &runtime, &writers);
    }
    runtime.block_on(writers.close());
}

fn compare(criterion: &mut Criterion, name: &'static str, count: usize, runtime: &Runtime, writers: &Writers) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(count as u64));
    for case in ALL {
        group.bench_function(case, |bencher| {
            bencher.iter_custom(|writes| runtime.block_on(writers.run(case, count, writes)));
        });
    }
    group.finish();
    let Some(mut facts) = Facts::of(name) else { return };
    let block = (BLOCK / count) as u64;
    let contender = |case| Contender::new(case, move || runtime.block_on(writers.run(case, count, block)));
    let rounds = Rounds::run(ROUNDS, ALL.map(contender).into());
    let bare = rounds.ratio(BARE, RAW);
    facts.add(format!("added time, {FAST} / {RAW}"), rounds.ratio(FAST, RAW) - bare);
    facts.add(format!("added time, {SAFE} / {RAW}"), rounds.ratio(SAFE, RAW) - bare);
    facts.add(format!("added time, {UPDATES} / {RAW}"), rounds.ratio(UPDATES, RAW) - bare);
    facts.add("the client's part of a safe write / raw, two round trips", rounds.ratio(SAFE, RAW) - bare - 1.0);
    let strict = runtime.block_on(writers.strict(count)).as_secs_f64() / f64::from(u32::try_from(STRICT).unwrap_or(1));
    facts.add("a strict write, without its lease, milliseconds", (strict - SHORT_LEASE.as_secs_f64()) * 1e3);
    facts.write();
}

type Caching = CachingPolicyStore<MemoryPolicyStore>;

/// The same store, whose writes store their values.
#[cached_store(foreign = PolicyStore, namespace = "bench:updates")]
#[async_trait]
trait UpdatingStore: Send + Sync {
    #[cached(entity = "policy", key(tenant), ttl = "5m", negative_ttl = "30s")]
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError>;

    #[cached(batch = get_policy)]
    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError>;

    #[updates(get_policy(policy.tenant_id) = Some(Arc::new(policy.clone())))]
    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError>;

    #[updates(get_policy(tenant) = None)]
    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError>;

    #[uncached]
    async fn count_policies(&self) -> Result<u64, StoreError>;

    #[uncached]
    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError>;
}

struct Writers {
    policies: Vec<Arc<TenantPolicy>>,
    bare: Arc<MemoryPolicyStore>,
    fast: Arc<Caching>,
    safe: Arc<Caching>,
    strict: Arc<Caching>,
    updates: Arc<CachingUpdatingStore<MemoryPolicyStore>>,
    calls: [Call; 2],
    connection: MultiplexedConnection,
    caches: Vec<Cache>,
}

impl Writers {
    async fn new(server: &RedisServer) -> Self {
        let tenants = Tenants::new(BLOCK);
        let bare = Arc::new(tenants.store());
        let mut caches = Vec::new();
        let mut decorators = Vec::new();
        // Each with members of its own: a strict write waits for the longest lease of any member.
        for (mode, lease, prefix) in [
            (cache_core::Mode::Fast, LEASE, "fast"),
            (cache_core::Mode::Safe, LEASE, "safe"),
            (cache_core::Mode::Strict, SHORT_LEASE, "strict"),
        ] {
            let cache = Cache::builder().redis(server.admin_url()).read_timeout(PATIENCE).write_timeout(PATIENCE);
            let cache = cache.lease(lease).key_prefix(prefix).build().expect("an address that parses");
            let store = CachingPolicyStore::builder(Arc::clone(&bare), &cache)
                .get_policy(|annotated| annotated.ttl(TTL).mode(mode))
                .build();
            assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
            caches.push(cache);
            decorators.push(Arc::new(store));
        }
        let updates = Arc::new(CachingUpdatingStore::new(Arc::clone(&bare), &caches[1]));
        let [fast, safe, strict] = decorators.try_into().unwrap_or_else(|_| panic!("three modes"));
        let mut connection = connect(server).await.expect("a server that has just answered");
        let calls = logged(&mut connection, &safe, &tenants.policies()[0]).await;
        Self { policies: tenants.policies().to_vec(), bare, fast, safe, strict, updates, calls, connection, caches }
    }

    /// The time of `count` writers that make `writes` writes each, every one of them of a tenant of its own.
    async fn run(&self, case: &str, count: usize, writes: u64) -> Duration {
        match case {
            BARE => self.write_with(&self.bare, count, writes).await,
            FAST => self.write_with(&self.fast, count, writes).await,
            SAFE => self.write_with(&self.safe, count, writes).await,
            UPDATES => self.write_with(&self.updates, count, writes).await,
            _ => self.raw(count, writes).await,
        }
    }

    async fn strict(&self, count: usize) -> Duration {
        self.write_with(&self.strict, count, STRICT).await
    }

    async fn write_with<S: PolicyStore + 'static>(&self, store: &Arc<S>, count: usize, writes: u64) -> Duration {
        self.in_tasks(count, |policy| {
            let store = Arc::clone(store);
            async move {
                for _ in 0..writes {
                    store.set_policy(&policy).await.expect("a store in memory does not fail");
                }
            }
        })
        .await
    }

    async fn raw(&self, count: usize, writes: u64) -> Duration {
        let first = self.policies[0].tenant_id.to_string();
        self.in_tasks(count, |policy| {
            let calls = self.calls.each_ref().map(|call| call.of(&first, &policy.tenant_id.to_string()));
            let mut connection = self.connection.clone();
            async move {
                for _ in 0..writes {
                    for call in &calls {
                        let _: redis::Value = call.query_async(&mut connection).await.expect("a script of the cache");
                    }
                }
            }
        })
        .await
    }

    async fn in_tasks<F: Future<Output = ()> + Send + 'static>(
        &self,
        count: usize,
        task: impl Fn(Arc<TenantPolicy>) -> F,
    ) -> Duration {
        let mut running = JoinSet::new();
        let start = Instant::now();
        for policy in &self.policies[..count] {
            running.spawn(task(Arc::clone(policy)));
        }
        running.join_all().await;
        start.elapsed()
    }

    async fn close(self) {
        for cache in self.caches {
            cache.shutdown().await;
        }
    }
}

/// The arguments of one command.
struct Call(Vec<String>);

impl Call {
    /// The same command for another tenant.
    fn of(&self, first: &str, tenant: &str) -> redis::Cmd {
        let mut cmd = redis::Cmd::new();
        for argument in &self.0 {
            cmd.arg(argument.replace(first, tenant));
        }
        cmd
    }
}

/// The two commands of a write, as the server's log of slow commands has them.
async fn logged(connection: &mut MultiplexedConnection, store: &Caching, policy: &TenantPolicy) -> [Call; 2] {
    let mut run = async |words: &[&str]| -> redis::Value {
        let mut cmd = redis::Cmd::new();
        cmd.arg(words);
        cmd.query_async(connection).await.expect("a server without restrictions")
    };
    run(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]).await;
    store.set_policy(policy).await.expect("a store in memory does not fail");
    run(&["CONFIG", "SET", "slowlog-log-slower-than", "-1"]).await;
    let log = run(&["SLOWLOG", "GET", "100"]).await;
    let entries: Vec<Vec<redis::Value>> = redis::from_redis_value(log).expect("a list of entries");
    let commands = entries
        .into_iter()
        .map(|mut entry| redis::from_redis_value::<Vec<String>>(entry.swap_remove(3)).expect("the words of a command"));
    let tenant = policy.tenant_id.to_string();
    let is_of_the_write =
        |words: &Vec<String>| words[0] == "EVALSHA" && words.iter().any(|word| word.contains(&tenant));
    // The youngest is the first.
    let mut calls: Vec<Call> = commands.filter(is_of_the_write).map(Call).collect();
    calls.reverse();
    assert!(calls.iter().flat_map(|call| &call.0).all(|word| !word.contains("more bytes)")), "the log cut a word");
    calls.try_into().unwrap_or_else(|_| panic!("a write is a lock and a release"))
}
