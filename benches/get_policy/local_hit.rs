//! A hit of the local tier, beside its bare engine and common alternatives.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use cache_benches::contenders::{Decorator, HandWritten, Linked, MokaByTenant, MokaByText, QuickByTenant};
use cache_benches::rounds::{Contender, Rounds};
use cache_benches::{Pinned, TENANTS, Tenants, at_once};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use stores::TenantId;
use stores::policy::PolicyStore;

use super::facts::{self, Facts};
use super::{HERE, THERE};

const ONE_THREAD: &str = "local hit";
const TWO_THREADS: &str = "local hit, two threads";

/// Hits of one turn in a round: every tenant twice.
const BLOCK: u64 = 20_000;
const ROUNDS: usize = 60;

/// A case: its name, and a function that times a number of hits.
type Case<'a> = (&'static str, Box<Hits<'a>>);

/// Makes this many hits, from this index in the order of the tenants.
type Hits<'a> = dyn Fn(usize, u64) -> Duration + Sync + 'a;

/// All contenders, each filled before the next one is created.
struct Contenders {
    tenants: Tenants,
    texts: Vec<String>,
    decorator: Arc<Decorator>,
    dynamic: Arc<dyn PolicyStore>,
    quick: QuickByTenant,
    moka_by_tenant: MokaByTenant,
    moka_by_text: MokaByText,
    hand_written: Arc<dyn PolicyStore>,
}

impl Contenders {
    async fn new() -> Self {
        let tenants = Tenants::default();
        let decorator = Arc::new(Linked::Shared.decorator(&tenants).await);
        Self {
            texts: tenants.order().iter().map(TenantId::to_string).collect(),
            dynamic: decorator.clone(),
            decorator,
            quick: QuickByTenant::new(&tenants),
            moka_by_tenant: MokaByTenant::new(&tenants),
            moka_by_text: MokaByText::new(&tenants),
            hand_written: Arc::new(HandWritten::new(&tenants).await),
            tenants,
        }
    }

    fn cases(&self) -> Vec<Case<'_>> {
        let order = self.tenants.order();
        vec![
            ("decorator, inherent", case(order, |tenant| at_once(self.decorator.get_policy(*tenant)))),
            ("decorator, dyn", case(order, |tenant| at_once(self.dynamic.get_policy(*tenant)))),
            ("quick_cache, raw", case(order, |tenant| self.quick.get(*tenant))),
            ("moka, raw, by tenant", case(order, |tenant| self.moka_by_tenant.get(*tenant))),
            ("moka, raw, by text", case(&self.texts, |text| self.moka_by_text.get(text))),
            ("hand-written, dyn", case(order, |tenant| at_once(self.hand_written.get_policy(*tenant)))),
        ]
    }
}

fn case<'a, K: Sync, T>(order: &'a [K], hit: impl Fn(&K) -> T + Sync + 'a) -> Box<Hits<'a>> {
    Box::new(move |first, hits| {
        let (end, begin) = order.split_at(first);
        let start = Instant::now();
        for (_, key) in (0..hits).zip(begin.iter().chain(end).cycle()) {
            black_box(hit(black_box(key)));
        }
        start.elapsed()
    })
}

pub(crate) fn measure(criterion: &mut Criterion) {
    if ![ONE_THREAD, TWO_THREADS].into_iter().any(facts::is_wanted) {
        return;
    }
    // It owns the decorator's link to its shared tier, which need not run while the thread measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let contenders = runtime.block_on(Contenders::new());
    let cases = contenders.cases();
    one_thread(criterion, &cases);
    two_threads(criterion, &cases);
}

fn one_thread(criterion: &mut Criterion, cases: &[Case<'_>]) {
    let _pinned = Pinned::to(HERE);
    let mut group = criterion.benchmark_group(ONE_THREAD);
    each(&mut group, cases, |hits, case| case(0, hits));
    group.finish();
    let Some(mut facts) = Facts::of(ONE_THREAD) else { return };
    let rounds = Rounds::run(ROUNDS, contenders(cases, |case| case(0, BLOCK)));
    for (name, beside) in [
        ("decorator, inherent", "quick_cache, raw"),
        ("decorator, inherent", "moka, raw, by text"),
        ("decorator, inherent", "moka, raw, by tenant"),
        ("decorator, dyn", "moka, raw, by text"),
        ("decorator, dyn", "moka, raw, by tenant"),
        ("hand-written, dyn", "decorator, dyn"),
    ] {
        facts.add(format!("{name} / {beside}"), rounds.ratio(name, beside));
    }
    facts.write();
}

fn two_threads(criterion: &mut Criterion, cases: &[Case<'_>]) {
    if thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("{TWO_THREADS}: left out, since there is one processor only");
        return;
    }
    let mut group = criterion.benchmark_group(TWO_THREADS);
    each(&mut group, cases, in_two_threads);
    group.finish();
    let Some(mut facts) = Facts::of(TWO_THREADS) else { return };
    let rounds = Rounds::run(ROUNDS, contenders(cases, |case| in_two_threads(BLOCK, case)));
    for name in ["decorator, inherent", "decorator, dyn"] {
        for beside in ["moka, raw, by text", "moka, raw, by tenant"] {
            facts.add(format!("{name} / {beside}"), rounds.ratio(name, beside));
        }
    }
    facts.write();
}

fn each<'a>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    cases: &[Case<'a>],
    mut measure: impl FnMut(u64, &Hits<'a>) -> Duration,
) {
    group.throughput(Throughput::Elements(1));
    for (name, case) in cases {
        group.bench_function(*name, |bencher| bencher.iter_custom(|hits| measure(hits, case)));
    }
}

fn contenders<'a, 'c>(cases: &'c [Case<'a>], block: impl Fn(&Hits<'a>) -> Duration + Copy + 'c) -> Vec<Contender<'c>> {
    cases.iter().map(|(name, case)| Contender::new(name, move || block(&**case))).collect()
}

/// The mean time of two threads on separate processors that make `hits` hits each.
///
/// They begin far apart in the order: otherwise they would contend for the reference counter of the same value, and
/// measure only that.
fn in_two_threads(hits: u64, case: &Hits<'_>) -> Duration {
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
