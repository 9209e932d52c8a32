//! A mode that is none, of a method and of the whole store.
use cache_core::cached_store;

#[cached_store(namespace = "app", mode = eventual)]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", mode = strong)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
