//! The order of the attributes.
use cache_core::cached_store;

#[async_trait::async_trait]
#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
