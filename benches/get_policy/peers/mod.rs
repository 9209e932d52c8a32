//! The peers: other ways to cache the policy read, each set up as its own documentation says.
//!
//! All do the same job: they return the policy of a tenant, ask the store on a miss, keep the value for a day, and have
//! room for all tenants. A file has one peer: how it is created, and how it reads and forgets. Those that a file can
//! create depend on its tiers: `local` is in this process, `shared` is in Redis, and `both` is one in front of the other.

mod by_hand;
mod cached;
mod cachekit;
mod decorator;
mod multi_tier;
mod two_tiers;

use std::sync::Arc;

use stores::TenantId;
use stores::policy::PolicyStore;

pub(crate) use by_hand::Behind;
pub(crate) use cached::{Keyed, Plain, Sharded, SharedCached};
pub(crate) use cachekit::CacheKit;
pub(crate) use decorator::Bare;
pub(crate) use multi_tier::MultiTier;
pub(crate) use two_tiers::TwoTiers;

/// The store that a peer asks on a miss.
pub(crate) type Source = Arc<dyn PolicyStore>;

/// A cache in front of the policy store.
pub(crate) trait Peer: Send + Sync + 'static {
    /// What a read returns: the value of the store itself, or a copy that was decoded for this read.
    type Value: Send + 'static;

    /// The policy of a tenant, from the cache or from the store.
    fn get(&self, tenant: TenantId) -> impl Future<Output = Option<Self::Value>> + Send;

    /// Makes the next read of this tenant a miss.
    fn forget(&self, tenant: TenantId) -> impl Future<Output = ()> + Send;
}

/// Reads every tenant once.
pub(crate) async fn filled<P: Peer>(peer: P, order: &[TenantId]) -> P {
    for tenant in order {
        assert!(peer.get(*tenant).await.is_some(), "every tenant has a policy");
    }
    peer
}
