//! Ten thousand callers read one key that no tier has.
//!
//! The store takes 5 ms. Measures the time until all callers have the value, and the number of loads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_benches::Tenants;
use cache_benches::contenders::{Careful, HandWritten, decorate};
use cache_benches::rounds::{Contender, Rounds};
use cache_core::Cache;
use criterion::{Criterion, SamplingMode};
use stores::TenantId;
use stores::policy::{MemoryPolicyStore, PolicyStore as _};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::counted::Counted;
use super::facts::{self, Facts};
use super::peers::{Behind, CacheKit, Keyed, MultiTier, Peer, Sharded, Source, TwoTiers};
use super::{THERE, servers};

const GROUP: &str = "cold key, 10000 callers";
const CALLERS: usize = 10_000;
const LOAD: Duration = Duration::from_millis(5);
const ROUNDS: usize = 20;

const FLOOR: &str = "floor, one shared cell";

pub(crate) fn measure(criterion: &mut Criterion) {
    if !facts::is_wanted(GROUP) {
        return;
    }
    // One worker for each processor, unpinned: the case measures all of them.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let tenants = Tenants::default();
    let store = Arc::new(Counted::slow(tenants.store(), LOAD));
    let redis = servers::redis(THERE, GROUP);
    let linked = redis.as_ref().map(|server| connect(&runtime, &server.admin_url()));
    let url = redis.as_ref().map(cache_tests::RedisServer::admin_url);
    let stampedes = runtime.block_on(stampedes(&store, linked.as_ref(), url.as_deref()));
    let cases = Cases { runtime, store, stampedes, order: tenants.order().to_vec() };
    cases.measure(criterion);
    if let Some(facts) = Facts::of(GROUP) {
        cases.compare(facts);
    }
    if let Some(cache) = linked {
        cases.runtime.block_on(cache.shutdown());
    }
}

fn connect(runtime: &Runtime, url: &str) -> Cache {
    let _guard = runtime.enter();
    // On a machine that is busy with ten thousand tasks, heartbeats miss the default lease of a second.
    let cache = Cache::builder().redis(url).read_timeout(Duration::from_secs(5)).lease(Duration::from_mins(10));
    cache.build().expect("an address that parses")
}

/// All contenders but the floor.
async fn stampedes(
    store: &Arc<Counted<MemoryPolicyStore>>,
    linked: Option<&Cache>,
    url: Option<&str>,
) -> Vec<Stampede> {
    let decorator = |cache: &Cache| decorate(Arc::clone(store), cache);
    let source: Source = store.clone();
    let mut all = vec![
        Stampede::of("decorator, single instance", decorator(&Cache::single_instance())),
        Stampede::of("decorator, pass-through", decorator(&Cache::pass_through())),
        Stampede::of("by hand, typical", Behind::local(HandWritten::over(Arc::clone(store)))),
        Stampede::of("by hand, careful", Behind::local(Careful::over(Arc::clone(store)))),
        Stampede::of("cached, sharded", Sharded(source.clone())),
        Stampede::of("cached, one load per key", Keyed(source.clone())),
        Stampede::of("multi-tier-cache", MultiTier::local(source.clone()).await),
    ];
    if let Some(cache) = linked {
        let store = decorator(cache);
        assert!(cache.connected(Duration::from_secs(10)).await, "a server that has just answered");
        all.push(Stampede::of("decorator, Redis", store));
    }
    if let Some(url) = url {
        all.push(Stampede::of("cachekit-rs, Redis", CacheKit::both(source.clone(), url).await));
        all.push(Stampede::of("by hand, Redis", TwoTiers::both(source, url).await));
    }
    all
}

/// A contender: its name, and a function that lets all callers read one tenant.
struct Stampede {
    name: &'static str,
    run: Box<Run>,
}

type Run = dyn Fn(&Runtime, TenantId) -> Duration;

impl Stampede {
    fn of<P: Peer>(name: &'static str, peer: P) -> Self {
        let peer = Arc::new(peer);
        let run = move |runtime: &Runtime, tenant| {
            // Some peers are the same in all groups, and may have this tenant.
            runtime.block_on(peer.forget(tenant));
            callers(runtime, || {
                let peer = Arc::clone(&peer);
                async move { peer.get(tenant).await.is_some() }
            })
        };
        Self { name, run: Box::new(run) }
    }
}

struct Cases {
    runtime: Runtime,
    store: Arc<Counted<MemoryPolicyStore>>,
    stampedes: Vec<Stampede>,
    order: Vec<TenantId>,
}

impl Cases {
    fn measure(&self, criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group(GROUP);
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        let mut tenants = self.order.iter().cycle();
        let mut tenant = || *tenants.next().expect("a circle has no end");
        group.bench_function(FLOOR, |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| self.floor(tenant())).sum());
        });
        for stampede in &self.stampedes {
            group.bench_function(stampede.name, |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| (stampede.run)(&self.runtime, tenant())).sum());
            });
        }
        group.finish();
    }

    fn compare(&self, mut facts: Facts) {
        let mut most_loads = vec![0; self.stampedes.len()];
        let mut contenders = vec![Contender::new(FLOOR, || self.floor(self.order[0]))];
        for (stampede, most) in self.stampedes.iter().zip(&mut most_loads) {
            let mut tenants = self.order.iter().cycle();
            contenders.push(Contender::new(stampede.name, move || {
                let before = self.store.loads();
                let took = (stampede.run)(&self.runtime, *tenants.next().expect("a circle has no end"));
                *most = (self.store.loads() - before).max(*most);
                took
            }));
        }
        let rounds = Rounds::run(ROUNDS, contenders);
        for (stampede, most) in self.stampedes.iter().zip(most_loads) {
            facts.add(format!("{} / {FLOOR}", stampede.name), rounds.ratio(stampede.name, FLOOR));
            #[expect(clippy::cast_precision_loss, reason = "at most as many as there are callers")]
            facts.add(format!("most loads, {}", stampede.name), most as f64);
        }
        facts.write();
    }

    fn floor(&self, tenant: TenantId) -> Duration {
        let cell = Arc::new(OnceCell::new());
        callers(&self.runtime, || {
            let (cell, store) = (Arc::clone(&cell), Arc::clone(&self.store));
            async move {
                let load = || async { store.get_policy(tenant).await.expect("a store in memory does not fail") };
                cell.get_or_init(load).await.clone().is_some()
            }
        })
    }
}

/// The time of all callers, until the last one has its answer.
fn callers<F>(runtime: &Runtime, call: impl Fn() -> F) -> Duration
where
    F: Future<Output = bool> + Send + 'static,
{
    runtime.block_on(async {
        let start = Instant::now();
        let mut running = JoinSet::new();
        for _ in 0..CALLERS {
            running.spawn(call());
        }
        assert!(running.join_all().await.iter().all(|found| *found), "every tenant has a policy");
        start.elapsed()
    })
}
