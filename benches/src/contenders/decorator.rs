//! The generated decorator.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, MemoryRemote};
use stores::policy::{CachingPolicyStore, MemoryPolicyStore, PolicyStore};

use super::{CAPACITY, TTL};
use crate::Tenants;

/// The limit on the time until the shared tier answers.
const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

/// The decorator over a store in memory, with every tenant in the local tier.
pub type Decorator = CachingPolicyStore<MemoryPolicyStore>;

/// An empty decorator with room for all tenants, whose entries outlive the run.
pub fn decorate<S: PolicyStore + ?Sized + 'static>(backing: Arc<S>, cache: &Cache) -> CachingPolicyStore<S> {
    CachingPolicyStore::builder(backing, cache)
        .get_policy(|annotated| annotated.ttl(TTL).negative_ttl(TTL).local_capacity(CAPACITY))
        .build()
}

/// The kind of cache behind a decorator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// [`Cache::single_instance`].
    Single,
    /// A cache with a shared tier in this process, and a lease that outlives the run.
    Shared,
}

impl Linked {
    /// Creates a decorator over this kind of cache that has read every tenant once.
    ///
    /// # Panics
    ///
    /// If the cache cannot be built, or a tenant is not in the local tier afterwards.
    pub async fn decorator(self, tenants: &Tenants) -> Decorator {
        let cache = match self {
            Self::Single => Cache::single_instance(),
            Self::Shared => {
                let lease = Duration::from_mins(10);
                Cache::builder().remote(MemoryRemote::new()).lease(lease).build().expect("a runtime")
            }
        };
        let store = decorate(Arc::new(tenants.store()), &cache);
        assert!(cache.connected(TIME_TO_CONNECT).await, "{:?}", cache.health().await);
        for policy in tenants.policies() {
            store.get_policy(policy.tenant_id).await.expect("a store in memory does not fail");
        }
        for tenant in tenants.order() {
            assert!(store.peek_get_policy(*tenant).is_some(), "{tenant} is not in the local tier");
        }
        store
    }
}
