//! A store in the memory of one process, for development and tests.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use super::check::{Slice, check_policy};
use super::{PolicyStore, TenantPolicy};
use crate::{Page, PageRequest, StoreError, TenantId};

type Policies = BTreeMap<TenantId, Arc<TenantPolicy>>;

/// Policies in the memory of one process.
#[derive(Debug, Default)]
pub struct MemoryPolicyStore {
    policies: RwLock<Policies>,
}

impl MemoryPolicyStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // No code that can panic runs under the lock, so even a poisoned one holds complete entries.
    fn read(&self) -> RwLockReadGuard<'_, Policies> {
        self.policies.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Policies> {
        self.policies.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PolicyStore for MemoryPolicyStore {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        Ok(self.read().get(&tenant).cloned())
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        let policies = self.read();
        let found = |tenant: &TenantId| Some((*tenant, Arc::clone(policies.get(tenant)?)));
        Ok(tenants.iter().filter_map(found).collect())
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        check_policy(policy)?;
        self.write().insert(policy.tenant_id, Arc::new(policy.clone()));
        Ok(())
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        Ok(self.write().remove(&tenant).is_some())
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        Ok(self.read().len() as u64)
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        let slice = Slice::of(page)?;
        let begin = slice.after.map_or(Bound::Unbounded, Bound::Excluded);
        let policies = self.read();
        let read = policies.range((begin, Bound::Unbounded)).map(|(_, policy)| Arc::clone(policy));
        Ok(slice.page(read.take(slice.rows_to_read() as usize).collect()))
    }
}
