//! An entity with a separator.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "user:name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
