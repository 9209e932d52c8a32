//! The cost of a miss, beside the bare read of the store: Postgres on a separate processor.
//!
//! Peers forget an entry just before each read, so that it looks in all tiers, and then in the store, and fills the
//! tiers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_benches::contenders::{Careful, HandWritten, decorate};
use cache_benches::rounds::{Contender, Rounds};
use cache_benches::{Pinned, Tenants};
use cache_core::Cache;
use cache_tests::PostgresServer;
use criterion::Criterion;
use sqlx::postgres::PgPoolOptions;
use stores::TenantId;
use stores::policy::{PolicyStore as _, PostgresPolicyStore};
use tokio::runtime::Runtime;

use super::counted::Counted;
use super::facts::{self, Facts};
use super::peers::{Bare, Behind, CacheKit, MultiTier, Peer, Sharded, Source, TwoTiers};
use super::{HERE, THERE, servers};

const GROUP: &str = "miss";
const BARE: &str = "bare store";

/// The number of tenants in Postgres. A small table suffices.
const FEW: usize = 1000;
const ROUNDS: usize = 40;
const BLOCK: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the run: while criterion draws its plots, the cache sends no heartbeats.
const LEASE: Duration = Duration::from_hours(1);

/// A case: its name, and a function that times a number of reads.
struct Case {
    name: &'static str,
    read: Box<Reads>,
}

/// Makes this many reads.
type Reads = dyn Fn(&Runtime, u64) -> Duration;

pub(crate) fn measure(criterion: &mut Criterion) {
    if !facts::is_wanted(GROUP) {
        return;
    }
    let Some(postgres) = servers::postgres(THERE, GROUP) else { return };
    let Some(redis) = servers::redis(THERE, GROUP) else { return };
    let _pinned = Pinned::to(HERE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cache = Cache::builder().redis(redis.admin_url()).read_timeout(PATIENCE).lease(LEASE);
    let cache = {
        let _guard = runtime.enter();
        cache.build().expect("an address that parses")
    };
    let cases = runtime.block_on(cases(&postgres, &redis.admin_url(), &cache));
    let mut group = criterion.benchmark_group(GROUP);
    for case in &cases {
        group.bench_function(case.name, |bencher| bencher.iter_custom(|reads| (case.read)(&runtime, reads)));
    }
    group.finish();
    if let Some(facts) = Facts::of(GROUP) {
        compare(facts, &runtime, &cases);
    }
    runtime.block_on(cache.shutdown());
}

fn compare(mut facts: Facts, runtime: &Runtime, cases: &[Case]) {
    let contenders = cases.iter().map(|case| Contender::new(case.name, move || (case.read)(runtime, BLOCK)));
    let rounds = Rounds::run(ROUNDS, contenders.collect());
    for case in cases.iter().filter(|case| case.name != BARE) {
        facts.add(format!("{} / {BARE}", case.name), rounds.ratio(case.name, BARE));
    }
    facts.write();
}

async fn cases(postgres: &PostgresServer, url: &str, cache: &Cache) -> Vec<Case> {
    let (store, order) = filled_store(postgres).await;
    let store = Arc::new(Counted::over(store));
    let connected = decorate(Arc::clone(&store), cache);
    assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
    // No server listens on port 1.
    let down = Cache::builder().redis("redis://127.0.0.1:1").build().expect("an address that parses");
    let source: Source = store.clone();
    let subject = Subject { order, store };
    let by_hand = Behind::local(HandWritten::over(Arc::clone(&subject.store)));
    let careful = Behind::local(Careful::over(Arc::clone(&subject.store)));
    vec![
        subject.misses(BARE, Bare(source.clone())),
        subject.misses("decorator, pass-through", decorate(Arc::clone(&subject.store), &Cache::pass_through())),
        subject.case("decorator, Redis down", decorate(Arc::clone(&subject.store), &down), false),
        subject.misses("decorator, both tiers", connected),
        subject.misses("by hand, typical, local", by_hand),
        subject.misses("by hand, careful, local", careful),
        subject.misses("cached, local", Sharded(source.clone())),
        subject.misses("multi-tier-cache, both tiers", MultiTier::both(source.clone(), url).await),
        subject.misses("cachekit-rs, both tiers", CacheKit::both(source.clone(), url).await),
        subject.misses("by hand, both tiers", TwoTiers::both(source, url).await),
    ]
}

/// The store behind all peers, and the tenants in it.
struct Subject {
    order: Arc<[TenantId]>,
    store: Arc<Counted<PostgresPolicyStore>>,
}

impl Subject {
    /// A peer, every read of which loads.
    fn misses<P: Peer>(&self, name: &'static str, peer: P) -> Case {
        self.case(name, peer, true)
    }

    fn case<P: Peer>(&self, name: &'static str, peer: P, must_load: bool) -> Case {
        let (peer, order, store) = (Arc::new(peer), Arc::clone(&self.order), Arc::clone(&self.store));
        let read = move |runtime: &Runtime, reads| {
            let before = store.loads();
            // In a task, as in a service: `block_on` wakes its own future in another way.
            let times = runtime.spawn(after_forgetting(Arc::clone(&peer), Arc::clone(&order), reads, must_load));
            let took = runtime.block_on(times).expect("a read does not panic");
            assert!(!must_load || store.loads() - before == reads, "a read of {name} was a hit");
            took
        };
        Case { name, read: Box::new(read) }
    }
}

/// Times reads of entries that were forgotten just before, which is not part of the time.
///
/// The fill is, unless it follows the answer.
async fn after_forgetting<P: Peer>(peer: Arc<P>, order: Arc<[TenantId]>, reads: u64, forgets: bool) -> Duration {
    let mut took = Duration::ZERO;
    for (_, tenant) in (0..reads).zip(order.iter().cycle()) {
        if forgets {
            peer.forget(*tenant).await;
        }
        let start = Instant::now();
        assert!(peer.get(*tenant).await.is_some(), "every tenant has a policy");
        took += start.elapsed();
    }
    took
}

/// A store with a few tenants, and the order in which they are read.
pub(super) async fn filled_store(postgres: &PostgresServer) -> (PostgresPolicyStore, Arc<[TenantId]>) {
    let store = store(postgres).await;
    let tenants = Tenants::new(FEW);
    for policy in tenants.policies() {
        store.set_policy(policy).await.expect("a database that takes a policy");
    }
    (store, tenants.order().into())
}

async fn store(server: &PostgresServer) -> PostgresPolicyStore {
    let database = server.create_database().await;
    let pool = PgPoolOptions::new().max_connections(4).connect(&database.url_with_schema("copilot_internal")).await;
    let pool = pool.expect("a server that has just answered");
    stores::migrate(&pool).await.expect("an empty database");
    PostgresPolicyStore::new(pool)
}
