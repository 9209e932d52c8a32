//! The same, written with care: the key is never a text.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use foldhash::fast::RandomState;
use moka::sync::Cache;
use stores::policy::{PolicyStore, TenantPolicy};
use stores::{Page, PageRequest, StoreError, TenantId};

use super::{ByHand, CAPACITY, TTL};

/// A careful decorator: a typed key, a fast hash, `moka::sync`, a trait object.
///
/// It has the races of the typical one.
#[derive(Debug)]
pub struct Careful<S> {
    backing: Arc<S>,
    cache: Cache<TenantId, Option<Arc<TenantPolicy>>, RandomState>,
}

impl<S> Careful<S> {
    /// An empty decorator.
    pub fn over(backing: Arc<S>) -> Self {
        let cache = Cache::builder().max_capacity(CAPACITY as u64).time_to_live(TTL);
        Self { backing, cache: cache.build_with_hasher(RandomState::default()) }
    }
}

impl<S: PolicyStore + 'static> ByHand for Careful<S> {
    async fn forget(&self, tenant: TenantId) {
        self.cache.invalidate(&tenant);
    }
}

#[async_trait]
impl<S: PolicyStore> PolicyStore for Careful<S> {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        if let Some(policy) = self.cache.get(&tenant) {
            return Ok(policy);
        }
        let policy = self.backing.get_policy(tenant).await?;
        self.cache.insert(tenant, policy.clone());
        Ok(policy)
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        self.backing.get_policies(tenants).await
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        self.backing.set_policy(policy).await?;
        self.cache.invalidate(&policy.tenant_id);
        Ok(())
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        let existed = self.backing.delete_policy(tenant).await?;
        self.cache.invalidate(&tenant);
        Ok(existed)
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        self.backing.count_policies().await
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        self.backing.list_policies(page).await
    }
}
