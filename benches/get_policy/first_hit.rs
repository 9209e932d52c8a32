//! The time from the start of a process to its first hits: it connects, looks in the shared tier, and then trusts its
//! local tier.
//!
//! Another instance has filled the shared tier before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_benches::contenders::decorate;
use cache_benches::rounds::{Contender, Rounds};
use cache_benches::{Pinned, Tenants};
use cache_core::Cache;
use cache_tests::RedisServer;
use criterion::{Criterion, SamplingMode};
use stores::TenantId;
use stores::policy::MemoryPolicyStore;
use tokio::runtime::Runtime;

use super::facts::{self, Facts};
use super::raw_redis::connect;
use super::{HERE, THERE, servers};

const GROUP: &str = "time to first hit";
const RAW: &str = "raw connection and GET";
const CONNECTED: &str = "connected";
const SHARED: &str = "first shared hit";
const LOCAL: &str = "first local hit";

const PATIENCE: Duration = Duration::from_secs(10);
const ROUNDS: usize = 20;

pub(crate) fn measure(criterion: &mut Criterion) {
    if !facts::is_wanted(GROUP) {
        return;
    }
    let Some(server) = servers::redis(THERE, GROUP) else { return };
    let _pinned = Pinned::to(HERE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let starts = runtime.block_on(Starts::new(&server));
    let mut group = criterion.benchmark_group(GROUP);
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for case in [RAW, CONNECTED, SHARED, LOCAL] {
        group.bench_function(case, |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| starts.time(&runtime, case)).sum());
        });
    }
    group.finish();
    let Some(mut facts) = Facts::of(GROUP) else { return };
    let contender = |case| Contender::new(case, || starts.time(&runtime, case));
    let rounds = Rounds::run(ROUNDS, [RAW, CONNECTED, SHARED, LOCAL].map(contender).into());
    for case in [CONNECTED, SHARED, LOCAL] {
        facts.add(format!("{case} / {RAW}"), rounds.ratio(case, RAW));
    }
    facts.write();
}

struct Starts<'a> {
    server: &'a RedisServer,
    store: Arc<MemoryPolicyStore>,
    tenant: TenantId,
}

impl<'a> Starts<'a> {
    async fn new(server: &'a RedisServer) -> Self {
        let tenants = Tenants::new(1);
        let starts = Self { server, store: Arc::new(tenants.store()), tenant: tenants.order()[0] };
        let cache = starts.cache();
        let store = decorate(Arc::clone(&starts.store), &cache);
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        store.get_policy(starts.tenant).await.expect("a store in memory does not fail");
        // The fill follows the answer.
        cache.shutdown().await;
        assert!(cache.stats().total().fills > 0, "{:?}", cache.stats());
        starts
    }

    fn cache(&self) -> Cache {
        Cache::builder().redis(self.server.admin_url()).build().expect("an address that parses")
    }

    /// One start, until it has reached this point.
    fn time(&self, runtime: &Runtime, case: &str) -> Duration {
        // In a task, as in a service.
        runtime.block_on(async {
            match case {
                RAW => self.raw().await,
                _ => self.start(case).await,
            }
        })
    }

    async fn raw(&self) -> Duration {
        let start = Instant::now();
        let mut connection = connect(self.server).await.expect("a server that answers");
        let entry = format!("copilot:llm:policy:{}", self.tenant);
        let bytes: Vec<u8> = redis::cmd("GET").arg(entry).query_async(&mut connection).await.expect("a GET");
        assert!(!bytes.is_empty(), "the entry is in Redis");
        start.elapsed()
    }

    async fn start(&self, case: &str) -> Duration {
        let start = Instant::now();
        let cache = self.cache();
        let store = decorate(Arc::clone(&self.store), &cache);
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        let mut took = start.elapsed();
        if case != CONNECTED {
            store.get_policy(self.tenant).await.expect("a store in memory does not fail");
            assert_eq!(cache.stats().total().loads, 0, "the shared tier has the entry");
            took = start.elapsed();
        }
        if case == LOCAL {
            while store.peek_get_policy(self.tenant).is_none() {
                store.get_policy(self.tenant).await.expect("a store in memory does not fail");
            }
            took = start.elapsed();
            assert_eq!(cache.stats().total().loads, 0, "the shared tier has the entry");
        }
        cache.shutdown().await;
        took
    }
}
