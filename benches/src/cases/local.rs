//! Hits of the local tier.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::{Cache, ReadPolicy, cached_store};
use stores::policy::{CachingPolicyStore, MemoryPolicyStore, PolicyStore, TenantPolicy};
use stores::{StoreError, TenantId};

use super::{Stage, Work};
use crate::at_once;
use crate::contenders::{CAPACITY, TTL, decorate};

/// The number of keys of a batch.
const BATCH: usize = 100;

type Caching = CachingPolicyStore<MemoryPolicyStore>;

pub(super) fn inherent(stage: &Stage) -> Work {
    hits(stage, &Cache::single_instance())
}

pub(super) fn dynamic(stage: &Stage) -> Work {
    dynamic_hits(stage, &Cache::single_instance())
}

/// With a shared tier, and so with a lease that each hit checks.
pub(super) fn leased(stage: &Stage) -> Work {
    hits(stage, &Stage::linked())
}

pub(super) fn leased_dynamic(stage: &Stage) -> Work {
    dynamic_hits(stage, &Stage::linked())
}

/// Of tenants without a policy.
pub(super) fn negative(stage: &Stage) -> Work {
    let cache = Cache::single_instance();
    let store = read_by_all(stage, MemoryPolicyStore::new(), &cache);
    Work::of(stage.order(), move |tenant| at_once(store.get_policy(tenant))).counting(&cache)
}

pub(super) fn visible(stage: &Stage) -> Work {
    let cache = Cache::single_instance();
    let room = |annotated: ReadPolicy| annotated.ttl(TTL).local_capacity(CAPACITY);
    let store = CachingVisible::builder(Arc::new(Table(stage.tenants.store())), &cache).policy(room).build();
    for tenant in stage.order() {
        stage.runtime.block_on(store.policy(tenant)).expect("a store in memory does not fail");
    }
    Work::of(stage.order(), move |tenant| at_once(store.policy(tenant))).counting(&cache)
}

/// A hundred hits in one call. One operation is one call.
pub(super) fn batch(stage: &Stage) -> Work {
    let cache = Cache::single_instance();
    let store = read_by_all(stage, stage.tenants.store(), &cache);
    let order = stage.order();
    let mut first = 0;
    let call = move |_| {
        let batch = &order[first..first + BATCH];
        first = (first + BATCH) % (order.len() - order.len() % BATCH);
        at_once(store.get_policies(batch))
    };
    Work::of(stage.order(), call).counting(&cache)
}

fn hits(stage: &Stage, cache: &Cache) -> Work {
    let store = read_by_all(stage, stage.tenants.store(), cache);
    Work::of(stage.order(), move |tenant| at_once(store.get_policy(tenant))).counting(cache)
}

fn dynamic_hits(stage: &Stage, cache: &Cache) -> Work {
    let store: Arc<dyn PolicyStore> = Arc::new(read_by_all(stage, stage.tenants.store(), cache));
    Work::of(stage.order(), move |tenant| at_once(store.get_policy(tenant))).counting(cache)
}

/// A decorator over this store that has read every tenant once.
fn read_by_all(stage: &Stage, backing: MemoryPolicyStore, cache: &Cache) -> Caching {
    let store = decorate(Arc::new(backing), cache);
    stage.connect(cache);
    for tenant in stage.order() {
        stage.runtime.block_on(store.get_policy(tenant)).expect("a store in memory does not fail");
    }
    store
}

/// The policy read with a check of each hit.
#[cached_store(namespace = "bench:visible")]
#[async_trait]
trait Visible: Send + Sync {
    #[cached(entity = "policy", key(tenant), ttl = "5m", visible_if = is_of)]
    async fn policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError>;
}

struct Table(MemoryPolicyStore);

#[async_trait]
impl Visible for Table {
    async fn policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        self.0.get_policy(tenant).await
    }
}

fn is_of(policy: &TenantPolicy, tenant: &TenantId) -> bool {
    policy.tenant_id == *tenant
}
