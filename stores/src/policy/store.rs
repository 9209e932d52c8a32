//! The trait, and what of it is cached.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use cache_core::cached_store;

use super::TenantPolicy;
use crate::{Page, PageRequest, StoreError, TenantId};

/// The policies of all tenants.
///
/// The errors of every method: [`Unavailable`](crate::StoreErrorKind::Unavailable) and
/// [`Timeout`](crate::StoreErrorKind::Timeout) where the database does not answer, and
/// [`Corrupt`](crate::StoreErrorKind::Corrupt) for a row that does not fit its type.
#[cached_store(namespace = "copilot:llm")]
#[async_trait]
pub trait PolicyStore: Send + Sync {
    /// The policy of a tenant; `None` is a normal answer.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[cached(entity = "policy", key(tenant), ttl = "5m", negative_ttl = "30s")]
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError>;

    /// The policies of many tenants, in one query for those that are not cached. Who has none is not in the map; a tenant
    /// may be named more than once.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[cached(batch = get_policy)]
    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError>;

    /// Puts a policy in the place of the one that its tenant has, or adds it.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for text with a NUL character or a temperature that is not
    /// finite, which no database keeps; and those of the trait.
    ///
    /// # Cancellation
    ///
    /// Whether the policy is written is unknown after the future was dropped; it is never written in part.
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

    /// How many tenants have a policy.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[uncached]
    async fn count_policies(&self) -> Result<u64, StoreError>;

    /// A page of all policies, in the order of the tenants' ids.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for a limit out of range and for a cursor that this list did
    /// not give; and those of the trait.
    #[uncached]
    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError>;
}
