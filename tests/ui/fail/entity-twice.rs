//! Two methods with one entity.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn find(&self, id: u64) -> Result<Option<u64>, String>;
}

fn main() {}
