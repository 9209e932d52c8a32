//! The trait of the policy store, with its cache annotations.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use cache_core::cached_store;

use super::TenantPolicy;
use crate::{Page, PageRequest, StoreError, TenantId};

/// The policies of all tenants.
///
/// The errors of every method: [`Unavailable`](crate::StoreErrorKind::Unavailable) and
/// [`Timeout`](crate::StoreErrorKind::Timeout) if the database does not answer, and
/// [`Corrupt`](crate::StoreErrorKind::Corrupt) for a row that does not fit its type.
#[cached_store(namespace = "copilot:llm")]
#[async_trait]
pub trait PolicyStore: Send + Sync {
    /// Returns the policy of a tenant; `None` is a normal answer.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[cached(entity = "policy", key(tenant), ttl = "5m", negative_ttl = "30s")]
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError>;

    /// Returns the policies of many tenants, in one query for those that are not cached.
    ///
    /// A tenant without a policy is not in the map; a tenant may be named more than once.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[cached(batch = get_policy)]
    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError>;

    /// Adds a policy, or replaces the one of its tenant.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for text with a NUL character or a temperature that is not
    /// finite, which no database stores; and those of the trait.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the outcome is unknown; the policy is never written in part.
    #[invalidates(get_policy(policy.tenant_id))]
    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError>;

    /// Deletes the policy of a tenant. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    ///
    /// # Cancellation
    ///
    /// As for [`set_policy`](Self::set_policy).
    #[invalidates(get_policy(tenant))]
    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError>;

    /// Returns the number of tenants that have a policy.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[uncached]
    async fn count_policies(&self) -> Result<u64, StoreError>;

    /// Returns a page of all policies, in the order of the tenants' ids.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for a limit out of range and for a cursor that this list
    /// did not return; and those of the trait.
    #[uncached]
    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError>;
}
