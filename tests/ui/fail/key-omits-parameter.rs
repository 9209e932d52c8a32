//! Two users would share an entry.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(tenant), ttl = "5m")]
    async fn get(&self, tenant: u64, user: u64) -> Result<Option<String>, String>;
}

fn main() {}
