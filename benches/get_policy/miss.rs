//! The cost of a miss, beside the bare read of the store: Postgres on a separate processor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_benches::contenders::decorate;
use cache_benches::rounds::{Contender, Rounds};
use cache_benches::{Pinned, Tenants};
use cache_core::Cache;
use cache_tests::{PostgresServer, RedisServer};
use criterion::Criterion;
use sqlx::postgres::PgPoolOptions;
use stores::TenantId;
use stores::policy::{CachingPolicyStore, PolicyStore, PostgresPolicyStore};
use tokio::runtime::Runtime;

use super::facts::{self, Facts};
use super::{HERE, THERE, servers};

const GROUP: &str = "miss";
const BARE: &str = "bare store";
const PASS_THROUGH: &str = "decorator, pass-through";
const REDIS_DOWN: &str = "decorator, Redis down";
const AFTER_A_WRITE: &str = "decorator, entry invalidated";

/// The number of tenants in Postgres. A small table suffices.
const FEW: usize = 1000;
const ROUNDS: usize = 40;
const BLOCK: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the run: while criterion draws its plots, the cache sends no heartbeats.
const LEASE: Duration = Duration::from_hours(1);

type Caching = CachingPolicyStore<PostgresPolicyStore>;

pub(crate) fn measure(criterion: &mut Criterion) {
    if !facts::is_wanted(GROUP) {
        return;
    }
    let Some(postgres) = servers::postgres(THERE, GROUP) else { return };
    let Some(redis) = servers::redis(THERE, GROUP) else { return };
    let _pinned = Pinned::to(HERE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let readers = runtime.block_on(Readers::new(&postgres, &redis));
    let mut group = criterion.benchmark_group(GROUP);
    for name in [BARE, PASS_THROUGH, REDIS_DOWN, AFTER_A_WRITE] {
        group.bench_function(name, |bencher| bencher.iter_custom(|reads| readers.read(&runtime, name, reads)));
    }
    group.finish();
    if let Some(facts) = Facts::of(GROUP) {
        compare(facts, &runtime, &readers);
    }
    runtime.block_on(readers.close());
}

fn compare(mut facts: Facts, runtime: &Runtime, readers: &Readers) {
    let contender = |name| Contender::new(name, move || readers.read(runtime, name, BLOCK));
    let rounds = Rounds::run(ROUNDS, [BARE, PASS_THROUGH, REDIS_DOWN, AFTER_A_WRITE].map(contender).into());
    for name in [PASS_THROUGH, REDIS_DOWN, AFTER_A_WRITE] {
        facts.add(format!("{name} / {BARE}"), rounds.ratio(name, BARE));
    }
    facts.write();
}

struct Readers {
    order: Arc<[TenantId]>,
    bare: Arc<PostgresPolicyStore>,
    pass_through: Arc<Caching>,
    redis_down: Arc<Caching>,
    connected: Arc<Caching>,
    cache: Cache,
}

impl Readers {
    async fn new(postgres: &PostgresServer, redis: &RedisServer) -> Self {
        let (bare, order) = filled_store(postgres).await;
        // No server listens on port 1.
        let down = Cache::builder().redis("redis://127.0.0.1:1").build().expect("an address that parses");
        let cache = Cache::builder().redis(redis.admin_url()).read_timeout(PATIENCE).lease(LEASE);
        let cache = cache.build().expect("an address that parses");
        let connected = decorate(Arc::clone(&bare), &cache);
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        Self {
            order,
            pass_through: Arc::new(decorate(Arc::clone(&bare), &Cache::pass_through())),
            redis_down: Arc::new(decorate(Arc::clone(&bare), &down)),
            connected: Arc::new(connected),
            cache,
            bare,
        }
    }

    fn read(&self, runtime: &Runtime, name: &str, reads: u64) -> Duration {
        let order = Arc::clone(&self.order);
        // In a task, as in a service: `block_on` wakes its own future in another way.
        let took = match name {
            BARE => runtime.spawn(plainly(Arc::clone(&self.bare), order, reads)),
            PASS_THROUGH => runtime.spawn(plainly(Arc::clone(&self.pass_through), order, reads)),
            REDIS_DOWN => runtime.spawn(plainly(Arc::clone(&self.redis_down), order, reads)),
            _ => runtime.spawn(after_a_write(Arc::clone(&self.connected), order, reads)),
        };
        let before = self.loads();
        let took = runtime.block_on(took).expect("a read does not panic");
        assert_eq!(self.loads() - before, if name == AFTER_A_WRITE { reads } else { 0 }, "a read was a hit");
        took
    }

    fn loads(&self) -> u64 {
        self.cache.stats().total().loads
    }

    async fn close(self) {
        self.cache.shutdown().await;
    }
}

async fn plainly<S: PolicyStore>(store: Arc<S>, order: Arc<[TenantId]>, reads: u64) -> Duration {
    let start = Instant::now();
    for (_, tenant) in (0..reads).zip(order.iter().cycle()) {
        get(&*store, *tenant).await;
    }
    start.elapsed()
}

/// Times reads of invalidated entries, which look in both tiers and then in the store.
///
/// Each entry is invalidated just before its read. The time includes neither the invalidation nor the fill, which
/// follows the answer.
async fn after_a_write(store: Arc<Caching>, order: Arc<[TenantId]>, reads: u64) -> Duration {
    let mut took = Duration::ZERO;
    for (_, tenant) in (0..reads).zip(order.iter().cycle()) {
        store.invalidate_get_policy(*tenant).await;
        let start = Instant::now();
        get(&*store, *tenant).await;
        took += start.elapsed();
    }
    took
}

async fn get(store: &dyn PolicyStore, tenant: TenantId) {
    assert!(store.get_policy(tenant).await.expect("a database that answers").is_some());
}

/// A store with a few tenants, and the order in which they are read.
pub(super) async fn filled_store(postgres: &PostgresServer) -> (Arc<PostgresPolicyStore>, Arc<[TenantId]>) {
    let store = store(postgres).await;
    let tenants = Tenants::new(FEW);
    for policy in tenants.policies() {
        store.set_policy(policy).await.expect("a database that takes a policy");
    }
    (Arc::new(store), tenants.order().into())
}

async fn store(server: &PostgresServer) -> PostgresPolicyStore {
    let database = server.create_database().await;
    let pool = PgPoolOptions::new().max_connections(4).connect(&database.url_with_schema("copilot_internal")).await;
    let pool = pool.expect("a server that has just answered");
    stores::migrate(&pool).await.expect("an empty database");
    PostgresPolicyStore::new(pool)
}
