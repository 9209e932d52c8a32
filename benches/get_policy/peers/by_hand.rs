//! The decorators by hand, behind a trait object as a service holds them.

use std::sync::Arc;

use cache_benches::contenders::ByHand;
use stores::TenantId;
use stores::policy::{PolicyStore, TenantPolicy};

use super::Peer;

pub(crate) struct Behind<D> {
    decorator: Arc<D>,
    dynamic: Arc<dyn PolicyStore>,
}

impl<D: ByHand> Behind<D> {
    pub(crate) fn local(decorator: D) -> Self {
        let decorator = Arc::new(decorator);
        Self { dynamic: decorator.clone(), decorator }
    }
}

impl<D: ByHand> Peer for Behind<D> {
    type Value = Arc<TenantPolicy>;

    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        self.dynamic.get_policy(tenant).await.expect("the store does not fail")
    }

    async fn forget(&self, tenant: TenantId) {
        self.decorator.forget(tenant).await;
    }
}
