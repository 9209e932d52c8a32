//! A thousand shared hits: in one batch, sequentially, and as one raw command.

use std::time::{Duration, Instant};

use cache_benches::rounds::{Contender, Rounds};
use cache_benches::{Pinned, Tenants};
use criterion::{Criterion, Throughput};
use stores::TenantId;
use stores::policy::TenantPolicy;

use super::facts::{self, Facts};
use super::raw_redis::{key, mget, payload};
use super::shared_hit::Readers;
use super::{HERE, THERE, servers};

const NAME: &str = "shared hit, 1000 at once";
const BATCH: &str = "decorator, one batch";
const ONE_BY_ONE: &str = "decorator, one after the other";
const RAW: &str = "raw MGET and decode";

const KEYS: usize = 1000;
const ROUNDS: usize = 40;

pub(crate) fn measure(criterion: &mut Criterion) {
    if !facts::is_wanted(NAME) {
        return;
    }
    let Some(server) = servers::redis(THERE, NAME) else { return };
    let _pinned = Pinned::to(HERE);
    let tenants = Tenants::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let readers = runtime.block_on(Readers::new(&tenants, &server));
    let wanted = &tenants.order()[..KEYS];
    let mut group = criterion.benchmark_group(NAME);
    group.throughput(Throughput::Elements(KEYS as u64));
    group.bench_function(BATCH, |bencher| bencher.iter(|| runtime.block_on(batch(&readers, wanted))));
    group.bench_function(ONE_BY_ONE, |bencher| bencher.iter(|| runtime.block_on(one_by_one(&readers, wanted))));
    group.bench_function(RAW, |bencher| bencher.iter(|| runtime.block_on(raw(&readers, wanted))));
    group.finish();
    if let Some(mut facts) = Facts::of(NAME) {
        let before = readers.loads();
        let rounds = Rounds::run(
            ROUNDS,
            vec![
                Contender::new(BATCH, || timed(|| runtime.block_on(batch(&readers, wanted)))),
                Contender::new(ONE_BY_ONE, || timed(|| runtime.block_on(one_by_one(&readers, wanted)))),
                Contender::new(RAW, || timed(|| runtime.block_on(raw(&readers, wanted)))),
            ],
        );
        assert_eq!(readers.loads(), before, "a read was no hit");
        facts.add("throughput, one batch / one after the other", rounds.ratio(ONE_BY_ONE, BATCH));
        facts.add("time, one batch / raw MGET", rounds.ratio(BATCH, RAW));
        facts.write();
    }
    runtime.block_on(readers.close());
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

async fn batch(readers: &Readers, tenants: &[TenantId]) {
    let found = readers.store.get_policies(tenants).await.expect("a hit does not fail");
    assert_eq!(found.len(), KEYS);
}

async fn one_by_one(readers: &Readers, tenants: &[TenantId]) {
    for tenant in tenants {
        assert!(readers.store.get_policy(*tenant).await.expect("a hit does not fail").is_some());
    }
}

/// The raw command of the batch.
async fn raw(readers: &Readers, tenants: &[TenantId]) {
    let keys: Vec<String> = tenants.iter().map(|tenant| key(*tenant)).collect();
    let answer = mget(&keys, &mut readers.connection.clone()).await;
    for entry in answer[..2 * keys.len()].iter().step_by(2) {
        let bytes = entry.as_deref().expect("an entry is bytes");
        let found: Option<TenantPolicy> = rmp_serde::from_slice(payload(bytes)).expect("an entry that decodes");
        assert!(found.is_some());
    }
}
