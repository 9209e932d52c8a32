//! A misspelt parameter.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(tenent), ttl = "5m")]
    async fn get(&self, tenant: u64) -> Result<Option<String>, String>;
}

fn main() {}
