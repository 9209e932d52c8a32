//! A user is no tenant.
use cache_core::{CacheKey, cached_store};

#[derive(Clone, PartialEq, Eq, Hash, CacheKey)]
pub struct TenantId(u64);
#[derive(Clone, PartialEq, Eq, Hash, CacheKey)]
pub struct UserId(u64);

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(tenant, user), ttl = "5m")]
    async fn get(&self, tenant: TenantId, user: UserId) -> Result<Option<String>, String>;

    #[invalidates(get(user, ..))]
    async fn rename(&self, user: UserId) -> Result<(), String>;
}

fn main() {}
