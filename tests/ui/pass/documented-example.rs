//! The example of the documentation, under the strictest lints.
#![deny(warnings, missing_docs)]

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::{Cache, CacheKey, CacheValue, cached_store};

/// A tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, CacheKey)]
pub struct TenantId(pub u64);

/// The rules of a tenant.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, CacheValue)]
pub struct TenantPolicy {
    /// Whose policy it is.
    pub tenant_id: u64,
}

/// An error.
#[derive(Debug)]
pub struct StoreError;

/// The policies.
#[cached_store(namespace = "copilot:llm")]
#[async_trait]
pub trait PolicyStore: Send + Sync {
    /// The policy of a tenant.
    #[cached(entity = "policy", key(tenant), ttl = "5m", negative_ttl = "30s")]
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError>;

    /// Sets a policy.
    #[invalidates(get_policy(TenantId(policy.tenant_id)))]
    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError>;

    /// How many there are.
    #[uncached]
    async fn count_policies(&self) -> Result<u64, StoreError>;
}

/// Puts the cache in front of any store.
pub fn cached(store: Arc<dyn PolicyStore>) -> Arc<dyn PolicyStore> {
    Arc::new(CachingPolicyStore::new(store, &Cache::pass_through()))
}

fn main() {}
