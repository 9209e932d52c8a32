//! Prints the memory cost of each case, of a future and of an entry, as lines `KIND NAME VALUE`.

use std::sync::Arc;

use allocation_counter::measure;
use cache_benches::Tenants;
use cache_benches::cases::{ALL, Case, Stage};
use cache_benches::contenders::{CAPACITY, TTL};
use cache_core::Cache;
use stores::policy::{CachingPolicyStore, PolicyStore};

/// A few tenants suffice: an allocation does not depend on their number.
const FEW: usize = 1000;
const OPERATIONS: u64 = 10_000;
const ENTRIES: usize = 100_000;

fn main() {
    let stage = Stage::new(FEW);
    let _guard = stage.runtime().enter();
    ALL.iter().skip(1).for_each(|case| allocations(case, &stage));
    futures();
    println!("bytes entry {}", bytes_per_entry(&stage));
}

fn allocations(case: &Case, stage: &Stage) {
    let mut work = case.prepare(stage);
    let operations = usize::try_from(OPERATIONS).expect("a small number");
    // The first operations of a thread also initialise its thread-local state.
    work.run(operations);
    let before = work.loads();
    let used = measure(|| work.run(operations));
    assert_eq!(work.loads(), before, "an operation asked the store");
    println!("allocations {} {}", case.name, per_operation(used.count_total));
    println!("bytes {} {}", case.name, per_operation(used.bytes_total));
}

/// The figure for one operation, rounded up.
///
/// So even one allocation in a thousand operations shows.
fn per_operation(total: u64) -> u64 {
    total.div_ceil(OPERATIONS)
}

/// The sizes of the futures that a caller holds, of which a service has thousands at a time.
fn futures() {
    let tenants = Tenants::new(1);
    let tenant = tenants.order()[0];
    let store = CachingPolicyStore::new(Arc::new(tenants.store()), &Cache::single_instance());
    println!("future hit {}", size_of_val(&store.get_policy(tenant)));
    println!("future batch-100 {}", size_of_val(&store.get_policies(&[tenant])));
    let dynamic: Arc<dyn PolicyStore> = Arc::new(store);
    println!("future hit-dyn {}", size_of_val(&*dynamic.get_policy(tenant)));
}

/// The memory of an entry in the local tier without its value.
///
/// The store owns the values here.
///
/// It includes ids, deadlines, sequence snapshots, the table and its free slots.
fn bytes_per_entry(stage: &Stage) -> u64 {
    let tenants = Tenants::new(ENTRIES);
    let backing = Arc::new(tenants.store());
    let cache = Cache::single_instance();
    let mut kept = None;
    let used = measure(|| {
        let store = CachingPolicyStore::builder(Arc::clone(&backing), &cache)
            .get_policy(|annotated| annotated.ttl(TTL).local_capacity(ENTRIES))
            .build();
        stage.runtime().block_on(async {
            for tenant in tenants.order() {
                store.get_policy(*tenant).await.expect("a store in memory does not fail");
            }
        });
        kept = Some(store);
    });
    let store = kept.expect("it was just made");
    let entries = tenants.order().iter().filter(|tenant| store.peek_get_policy(**tenant).is_some()).count();
    assert!(entries > CAPACITY, "{entries} entries are too few to measure");
    u64::try_from(used.bytes_current).expect("a cache keeps something").div_ceil(entries as u64)
}
