//! Ten thousand callers read one key that no tier has.
//!
//! The store takes 5 ms. Measures the time until all callers have the value, and the number of loads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cache_benches::Tenants;
use cache_benches::contenders::{HandWritten, decorate};
use cache_benches::rounds::{Contender, Rounds};
use cache_core::Cache;
use criterion::{Criterion, SamplingMode};
use stores::policy::{MemoryPolicyStore, PolicyStore, TenantPolicy};
use stores::{Page, PageRequest, StoreError, TenantId};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::facts::{self, Facts};
use super::{THERE, servers};

const GROUP: &str = "cold key, 10000 callers";
const CALLERS: usize = 10_000;
const LOAD: Duration = Duration::from_millis(5);
const ROUNDS: usize = 20;

const FLOOR: &str = "floor, one shared cell";
const SINGLE: &str = "decorator, single instance";
const REDIS: &str = "decorator, Redis";
const PASS_THROUGH: &str = "decorator, pass-through";
const HAND_WRITTEN: &str = "hand-written";

pub(crate) fn measure(criterion: &mut Criterion) {
    if !facts::is_wanted(GROUP) {
        return;
    }
    // One worker for each processor, unpinned: the case measures all of them.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let tenants = Tenants::default();
    let backing = Arc::new(Slow { store: tenants.store(), loads: AtomicU64::new(0) });
    let redis = servers::redis(THERE, GROUP);
    let linked = redis.as_ref().map(|server| connect(&runtime, &server.admin_url()));

    let mut stores: Vec<(&'static str, Arc<dyn PolicyStore>)> = vec![
        (SINGLE, Arc::new(decorate(Arc::clone(&backing), &Cache::single_instance()))),
        (PASS_THROUGH, Arc::new(decorate(Arc::clone(&backing), &Cache::pass_through()))),
        (HAND_WRITTEN, Arc::new(HandWritten::over(Arc::clone(&backing)))),
    ];
    if let Some(cache) = &linked {
        let store = decorate(Arc::clone(&backing), cache);
        assert!(runtime.block_on(cache.connected(Duration::from_secs(10))), "a server that has just answered");
        stores.push((REDIS, Arc::new(store)));
    }
    let cases = Cases { runtime, backing, stores, order: tenants.order().to_vec() };
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

struct Cases {
    runtime: Runtime,
    backing: Arc<Slow>,
    stores: Vec<(&'static str, Arc<dyn PolicyStore>)>,
    order: Vec<TenantId>,
}

impl Cases {
    fn measure(&self, criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group(GROUP);
        group.sampling_mode(SamplingMode::Flat).sample_size(20);
        for (at, name) in std::iter::once(FLOOR).chain(self.stores.iter().map(|(name, _)| *name)).enumerate() {
            // Each case has its own tenants and reads each once: a key is cold only the first time.
            let mut tenants = self.order[at * 1000..].iter();
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    let cold = (0..times).map(|_| tenants.next().expect("fewer rounds than tenants"));
                    cold.map(|tenant| self.once(name, *tenant)).sum()
                });
            });
        }
        group.finish();
    }

    fn compare(&self, mut facts: Facts) {
        let mut most_loads = vec![0; self.stores.len()];
        let mut contenders = vec![Contender::new(FLOOR, || self.once(FLOOR, self.order[0]))];
        // From the end: the cases of criterion take theirs from the beginning.
        let cold = self.order.rchunks(ROUNDS + 1);
        for (((name, _), most), tenants) in self.stores.iter().zip(&mut most_loads).zip(cold) {
            let mut tenants = tenants.iter();
            contenders.push(Contender::new(name, move || {
                let before = self.backing.loads();
                let took = self.once(name, *tenants.next().expect("a tenant a round"));
                *most = self.backing.loads().wrapping_sub(before).max(*most);
                took
            }));
        }
        let rounds = Rounds::run(ROUNDS, contenders);
        for ((name, _), most) in self.stores.iter().zip(most_loads) {
            facts.add(format!("{name} / {FLOOR}"), rounds.ratio(name, FLOOR));
            #[expect(clippy::cast_precision_loss, reason = "at most as many as there are callers")]
            facts.add(format!("most loads, {name}"), most as f64);
        }
        facts.write();
    }

    /// The time of all callers, until the last one has its answer.
    fn once(&self, name: &str, tenant: TenantId) -> Duration {
        match self.stores.iter().find(|(known, _)| *known == name) {
            Some((_, store)) => self.callers(|| {
                let store = Arc::clone(store);
                async move { store.get_policy(tenant).await.expect("a store in memory does not fail") }
            }),
            None => self.floor(tenant),
        }
    }

    fn floor(&self, tenant: TenantId) -> Duration {
        let cell = Arc::new(OnceCell::new());
        self.callers(|| {
            let (cell, backing) = (Arc::clone(&cell), Arc::clone(&self.backing));
            async move {
                let load = || async { backing.get_policy(tenant).await.expect("a store in memory does not fail") };
                cell.get_or_init(load).await.clone()
            }
        })
    }

    fn callers<F>(&self, call: impl Fn() -> F) -> Duration
    where
        F: Future<Output = Option<Arc<TenantPolicy>>> + Send + 'static,
    {
        self.runtime.block_on(async {
            let start = Instant::now();
            let mut running = JoinSet::new();
            for _ in 0..CALLERS {
                running.spawn(call());
            }
            assert!(running.join_all().await.iter().all(Option::is_some), "every tenant has a policy");
            start.elapsed()
        })
    }
}

/// A slow store that counts its loads.
struct Slow {
    store: MemoryPolicyStore,
    loads: AtomicU64,
}

impl Slow {
    fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl PolicyStore for Slow {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(LOAD).await;
        self.store.get_policy(tenant).await
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        self.store.get_policies(tenants).await
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        self.store.set_policy(policy).await
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        self.store.delete_policy(tenant).await
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        self.store.count_policies().await
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        self.store.list_policies(page).await
    }
}
