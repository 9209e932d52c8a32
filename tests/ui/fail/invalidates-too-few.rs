//! Half a key names no entry.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(tenant, user), ttl = "5m")]
    async fn get(&self, tenant: u64, user: u64) -> Result<Option<String>, String>;

    #[invalidates(get(tenant))]
    async fn rename(&self, tenant: u64) -> Result<(), String>;
}

fn main() {}
