//! A hit of the local tier, beside its bare engine and the alternatives.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use cache_benches::contenders::{Careful, HandWritten, Linked, MokaByTenant, MokaByText, QuickByTenant};
use cache_benches::rounds::{Contender, Rounds};
use cache_benches::{Pinned, TENANTS, Tenants, at_once};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use stores::TenantId;
use stores::policy::PolicyStore;

use super::facts::{self, Facts};
use super::neighbour::Neighbour;
use super::peers::{self, Behind, CacheKit, Keyed, MultiTier, Peer, Plain, Sharded, Source, TwoTiers};
use super::{HERE, THERE, servers};

const ONE_THREAD: &str = "local hit";
const TWO_THREADS: &str = "local hit, two threads";
const NEIGHBOUR: &str = "local hit, beside a neighbour";

const INHERENT: &str = "decorator, inherent";
const DYN: &str = "decorator, dyn";

/// The contenders whose hits are fast enough to be affected by a second thread or by a neighbour.
const FAST: [&str; 8] = [
    INHERENT,
    DYN,
    "quick_cache, raw",
    "moka, raw, by tenant",
    "moka, raw, by text",
    "by hand, careful, dyn",
    "by hand, typical, dyn",
    "cached, sharded",
];

/// Hits of one turn in a round: every tenant once.
const BLOCK: u64 = 10_000;
const ROUNDS: usize = 40;

/// A case: its name, and a function that times a number of hits.
struct Case {
    name: &'static str,
    hits: Box<Hits>,
}

/// Makes this many hits, from this index in the order of the tenants.
type Hits = dyn Fn(usize, u64) -> Duration + Sync;

impl Case {
    fn new<K: Sync + 'static, T>(
        name: &'static str,
        keys: impl Into<Vec<K>>,
        hit: impl Fn(&K) -> T + Sync + 'static,
    ) -> Self {
        let keys: Vec<K> = keys.into();
        let hits = Box::new(move |first, hits| {
            let (end, begin) = keys.split_at(first);
            let start = Instant::now();
            for (_, key) in (0..hits).zip(begin.iter().chain(end).cycle()) {
                black_box(hit(black_box(key)));
            }
            start.elapsed()
        });
        Self { name, hits }
    }

    /// A peer that has read every tenant.
    async fn peer<P: Peer>(name: &'static str, order: &[TenantId], peer: P) -> Self {
        let peer = peers::filled(peer, order).await;
        Self::new(name, order, move |tenant| at_once(peer.get(*tenant)))
    }
}

/// All contenders, each filled before the next one is created.
async fn all(tenants: &Tenants, redis: Option<&str>) -> Vec<Case> {
    let mut cases = bare(tenants).await;
    let (order, store) = (tenants.order(), Arc::new(tenants.store()));
    let source: Source = store.clone();
    let careful = Behind::local(Careful::over(Arc::clone(&store)));
    cases.push(Case::peer("by hand, careful, dyn", order, careful).await);
    cases.push(Case::peer("by hand, typical, dyn", order, Behind::local(HandWritten::over(store))).await);
    cases.push(Case::peer("cached, sharded", order, Sharded(source.clone())).await);
    cases.push(Case::peer("cached, one lock", order, Plain(source.clone())).await);
    cases.push(Case::peer("cached, one load per key", order, Keyed(source.clone())).await);
    cases.push(Case::peer("multi-tier-cache", order, MultiTier::local(source.clone()).await).await);
    if let Some(url) = redis {
        cases.push(Case::peer("cachekit-rs", order, CacheKit::both(source.clone(), url).await).await);
        cases.push(Case::peer("moka and Redis by hand", order, TwoTiers::both(source, url).await).await);
    }
    cases
}

/// The decorator, and the caches without a store behind them.
async fn bare(tenants: &Tenants) -> Vec<Case> {
    let order = tenants.order();
    let decorator = Arc::new(Linked::Shared.decorator(tenants).await);
    let dynamic: Arc<dyn PolicyStore> = decorator.clone();
    let quick = QuickByTenant::new(tenants);
    let moka_by_tenant = MokaByTenant::new(tenants);
    let moka_by_text = MokaByText::new(tenants);
    let texts: Vec<String> = order.iter().map(TenantId::to_string).collect();
    vec![
        Case::new(INHERENT, order, move |tenant| at_once(decorator.get_policy(*tenant))),
        Case::new(DYN, order, move |tenant| at_once(dynamic.get_policy(*tenant))),
        Case::new("quick_cache, raw", order, move |tenant| quick.get(*tenant)),
        Case::new("moka, raw, by tenant", order, move |tenant| moka_by_tenant.get(*tenant)),
        Case::new("moka, raw, by text", texts, move |text: &String| moka_by_text.get(text)),
    ]
}

pub(crate) fn measure(criterion: &mut Criterion) {
    if ![ONE_THREAD, TWO_THREADS, NEIGHBOUR].into_iter().any(facts::is_wanted) {
        return;
    }
    // It owns the links to shared tiers, which need not run while the thread measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let redis = servers::redis(THERE, "local hit of the peers that cannot do without Redis");
    let url = redis.as_ref().map(cache_tests::RedisServer::admin_url);
    let cases = runtime.block_on(all(&Tenants::default(), url.as_deref()));
    let _guard = runtime.enter();
    one_thread(criterion, ONE_THREAD, &cases);
    if thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("{TWO_THREADS}, {NEIGHBOUR}: left out, since there is one processor only");
        return;
    }
    let fast: Vec<Case> = cases.into_iter().filter(|case| FAST.contains(&case.name)).collect();
    two_threads(criterion, &fast);
    let neighbour = Neighbour::on(THERE);
    one_thread(criterion, NEIGHBOUR, &fast);
    drop(neighbour);
}

fn one_thread(criterion: &mut Criterion, name: &'static str, cases: &[Case]) {
    let _pinned = Pinned::to(HERE);
    compare(criterion, name, cases, |hits, case| case(0, hits));
}

fn two_threads(criterion: &mut Criterion, cases: &[Case]) {
    compare(criterion, TWO_THREADS, cases, in_two_threads);
}

fn compare(
    criterion: &mut Criterion,
    name: &'static str,
    cases: &[Case],
    time: impl Fn(u64, &Hits) -> Duration + Copy,
) {
    let mut group = criterion.benchmark_group(name);
    each(&mut group, cases, time);
    group.finish();
    let Some(mut facts) = Facts::of(name) else { return };
    // An untimed pass first: the turns before it have evicted this contender's entries from the caches of the processor,
    // and the two forms of the decorator share theirs, so that the second one would not pay for that.
    let contenders = cases.iter().map(|case| {
        Contender::new(case.name, move || {
            time(BLOCK, &case.hits);
            time(BLOCK, &case.hits)
        })
    });
    let rounds = Rounds::run(ROUNDS, contenders.collect());
    for beside in [INHERENT, DYN] {
        for case in cases.iter().filter(|case| case.name != beside) {
            facts.add(format!("{} / {beside}", case.name), rounds.ratio(case.name, beside));
        }
    }
    for beside in ["quick_cache, raw", "moka, raw, by text"] {
        facts.add(format!("{INHERENT} / {beside}"), rounds.ratio(INHERENT, beside));
    }
    facts.write();
}

fn each(group: &mut BenchmarkGroup<'_, WallTime>, cases: &[Case], time: impl Fn(u64, &Hits) -> Duration) {
    group.throughput(Throughput::Elements(1));
    for case in cases {
        group.bench_function(case.name, |bencher| bencher.iter_custom(|hits| time(hits, &case.hits)));
    }
}

/// The mean time of two threads on separate processors that make `hits` hits each.
///
/// They begin far apart in the order: otherwise they would contend for the reference counter of the same value, and
/// measure only that.
fn in_two_threads(hits: u64, case: &Hits) -> Duration {
    let begin = Barrier::new(2);
    let run = |core, first| {
        let _pinned = Pinned::to(core);
        begin.wait();
        case(first, hits)
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| run(THERE, TENANTS / 2));
        let mine = run(HERE, 0);
        (mine + other.join().expect("a hit does not panic")) / 2
    })
}
