//! There are two ways.
use cache_core::cached_store;

#[cached_store(namespace = "app", exclusive = locked)]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&mut self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
