//! A store that counts its loads, and takes a given time for each.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use stores::policy::{PolicyStore, TenantPolicy};
use stores::{Page, PageRequest, StoreError, TenantId};

pub(crate) struct Counted<S> {
    store: S,
    delay: Option<Duration>,
    loads: AtomicU64,
}

impl<S> Counted<S> {
    pub(crate) fn over(store: S) -> Self {
        Self { store, delay: None, loads: AtomicU64::new(0) }
    }

    pub(crate) fn slow(store: S, delay: Duration) -> Self {
        Self { delay: Some(delay), ..Self::over(store) }
    }

    /// The number of reads of one policy so far.
    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl<S: PolicyStore> PolicyStore for Counted<S> {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        self.store.get_policy(tenant).await
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        self.store.get_policies(tenants).await
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        self.store.set_policy(policy).await
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        self.store.delete_policy(tenant).await
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        self.store.count_policies().await
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        self.store.list_policies(page).await
    }
}
