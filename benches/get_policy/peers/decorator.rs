//! The generated decorator, and the store without one.

use std::sync::Arc;

use stores::TenantId;
use stores::policy::{CachingPolicyStore, PolicyStore, TenantPolicy};

use super::{Peer, Source};

impl<S: PolicyStore + ?Sized + 'static> Peer for CachingPolicyStore<S> {
    type Value = Arc<TenantPolicy>;

    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        self.get_policy(tenant).await.expect("the store does not fail")
    }

    async fn forget(&self, tenant: TenantId) {
        self.invalidate_get_policy(tenant).await;
    }
}

/// The store itself: every read is a load.
pub(crate) struct Bare(pub(crate) Source);

impl Peer for Bare {
    type Value = Arc<TenantPolicy>;

    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        self.0.get_policy(tenant).await.expect("the store does not fail")
    }

    async fn forget(&self, _: TenantId) {}
}
