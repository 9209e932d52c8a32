//! Prints the memory cost of a hit and of an entry, as lines `NAME VALUE`.

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use cache_benches::contenders::{CAPACITY, Linked, TTL};
use cache_benches::{Tenants, at_once};
use cache_core::Cache;
use stores::TenantId;
use stores::policy::{CachingPolicyStore, PolicyStore};

const HITS: u64 = 10_000;
const ENTRIES: usize = 100_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _guard = runtime.enter();
    let tenants = Tenants::new(1000);
    let store = Arc::new(runtime.block_on(Linked::Single.decorator(&tenants)));
    let dynamic: Arc<dyn PolicyStore> = store.clone();

    let inherent = hits(tenants.order(), |tenant| drop(at_once(store.get_policy(tenant))));
    let boxed = hits(tenants.order(), |tenant| drop(at_once(dynamic.get_policy(tenant))));
    println!("inherent-allocations {}", per_hit(inherent.count_total));
    println!("inherent-bytes {}", per_hit(inherent.bytes_total));
    println!("dyn-allocations {}", per_hit(boxed.count_total));
    println!("dyn-bytes {}", per_hit(boxed.bytes_total));
    println!("future-bytes {}", size_of_val(&*dynamic.get_policy(tenants.order()[0])));
    println!("bytes-per-entry {}", bytes_per_entry(&runtime));
}

fn hits(order: &[TenantId], mut hit: impl FnMut(TenantId)) -> AllocationInfo {
    // The first hit of a thread also initialises its thread-local state.
    hit(order[0]);
    measure(|| (0..HITS).zip(order.iter().cycle()).for_each(|(_, tenant)| hit(*tenant)))
}

/// The figure for one hit, rounded up.
///
/// So even one allocation in a thousand hits shows.
fn per_hit(total: u64) -> u64 {
    total.div_ceil(HITS)
}

/// The memory of an entry in the local tier without its value.
///
/// The store owns the values here.
///
/// It includes ids, deadlines, sequence snapshots, the table and its free slots.
fn bytes_per_entry(runtime: &tokio::runtime::Runtime) -> u64 {
    let tenants = Tenants::new(ENTRIES);
    let backing = Arc::new(tenants.store());
    let cache = Cache::single_instance();
    let mut kept = None;
    let used = measure(|| {
        let store = CachingPolicyStore::builder(Arc::clone(&backing), &cache)
            .get_policy(|annotated| annotated.ttl(TTL).local_capacity(ENTRIES))
            .build();
        runtime.block_on(async {
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
