//! `..` after the whole key.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(tenant, user), ttl = "5m")]
    async fn get(&self, tenant: u64, user: u64) -> Result<Option<String>, String>;

    #[invalidates(get(tenant, user, ..))]
    async fn rename(&self, tenant: u64, user: u64) -> Result<(), String>;
}

fn main() {}
