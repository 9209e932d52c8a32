//! The decorator that teams write themselves, in its typical form.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use moka::future::Cache;
use stores::policy::{MemoryPolicyStore, PolicyStore, TenantPolicy};
use stores::{Page, PageRequest, StoreError, TenantId};

use super::{ByHand, CAPACITY, TTL};
use crate::Tenants;

/// The usual decorator: a text key for each call, `moka::future`, a trait object.
///
/// It has the usual races too, but the benchmarks measure only its hits.
#[derive(Debug)]
pub struct HandWritten<S> {
    backing: Arc<S>,
    cache: Cache<String, Option<Arc<TenantPolicy>>>,
}

impl<S> HandWritten<S> {
    /// An empty decorator.
    pub fn over(backing: Arc<S>) -> Self {
        Self { backing, cache: Cache::builder().max_capacity(CAPACITY as u64).time_to_live(TTL).build() }
    }
}

impl HandWritten<MemoryPolicyStore> {
    /// The decorator over a store in memory, after one read of every tenant.
    ///
    /// # Panics
    ///
    /// If the store fails.
    pub async fn new(tenants: &Tenants) -> Self {
        let store = Self::over(Arc::new(tenants.store()));
        for policy in tenants.policies() {
            store.get_policy(policy.tenant_id).await.expect("a store in memory does not fail");
        }
        store.cache.run_pending_tasks().await;
        store
    }
}

impl<S: PolicyStore + 'static> ByHand for HandWritten<S> {
    async fn forget(&self, tenant: TenantId) {
        self.cache.invalidate(&key(tenant)).await;
    }
}

fn key(tenant: TenantId) -> String {
    format!("copilot:llm:policy:{tenant}")
}

#[async_trait]
impl<S: PolicyStore> PolicyStore for HandWritten<S> {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        let key = key(tenant);
        if let Some(policy) = self.cache.get(&key).await {
            return Ok(policy);
        }
        let policy = self.backing.get_policy(tenant).await?;
        self.cache.insert(key, policy.clone()).await;
        Ok(policy)
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        self.backing.get_policies(tenants).await
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        self.backing.set_policy(policy).await?;
        self.cache.invalidate(&key(policy.tenant_id)).await;
        Ok(())
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        let existed = self.backing.delete_policy(tenant).await?;
        self.cache.invalidate(&key(tenant)).await;
        Ok(existed)
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        self.backing.count_policies().await
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        self.backing.list_policies(page).await
    }
}
