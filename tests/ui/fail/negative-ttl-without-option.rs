//! A value that is never absent.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", negative_ttl = "30s")]
    async fn get(&self, id: u64) -> Result<String, String>;
}

fn main() {}
