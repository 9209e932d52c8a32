//! The bare caches of their libraries.

use std::sync::Arc;

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;
use stores::TenantId;
use stores::policy::TenantPolicy;

use super::{CAPACITY, TTL};
use crate::Tenants;

type Value = Option<Arc<TenantPolicy>>;

/// The engine of the local tier, with the same key, hash and value, and without expiry.
#[derive(Debug)]
pub struct QuickByTenant(quick_cache::sync::Cache<TenantId, Value, UnitWeighter, RandomState>);

impl QuickByTenant {
    /// The engine with every tenant in it.
    pub fn new(tenants: &Tenants) -> Self {
        let cache = quick_cache::sync::Cache::with(
            CAPACITY,
            CAPACITY as u64,
            UnitWeighter,
            RandomState::default(),
            DefaultLifecycle::default(),
        );
        for policy in tenants.policies() {
            cache.insert(policy.tenant_id, Some(Arc::clone(policy)));
        }
        Self(cache)
    }

    /// The policy of a tenant.
    #[inline]
    pub fn get(&self, tenant: TenantId) -> Option<Value> {
        self.0.get(&tenant)
    }
}

/// `moka::sync` by typed key.
#[derive(Debug)]
pub struct MokaByTenant(moka::sync::Cache<TenantId, Value>);

impl MokaByTenant {
    /// The cache with every tenant in it.
    pub fn new(tenants: &Tenants) -> Self {
        let cache = moka::sync::Cache::builder().max_capacity(CAPACITY as u64).time_to_live(TTL).build();
        for policy in tenants.policies() {
            cache.insert(policy.tenant_id, Some(Arc::clone(policy)));
        }
        cache.run_pending_tasks();
        Self(cache)
    }

    /// The policy of a tenant.
    #[inline]
    pub fn get(&self, tenant: TenantId) -> Option<Value> {
        self.0.get(&tenant)
    }
}

/// `moka::sync` in its usual form: the default hasher and a text key of 36 bytes.
///
/// The text exists before the measurement begins, which favours this contender.
#[derive(Debug)]
pub struct MokaByText(moka::sync::Cache<String, Value>);

impl MokaByText {
    /// The cache with every tenant in it.
    pub fn new(tenants: &Tenants) -> Self {
        let cache = moka::sync::Cache::builder().max_capacity(CAPACITY as u64).time_to_live(TTL).build();
        for policy in tenants.policies() {
            cache.insert(policy.tenant_id.to_string(), Some(Arc::clone(policy)));
        }
        cache.run_pending_tasks();
        Self(cache)
    }

    /// The policy of a tenant.
    #[inline]
    pub fn get(&self, tenant: &str) -> Option<Value> {
        self.0.get(tenant)
    }
}
