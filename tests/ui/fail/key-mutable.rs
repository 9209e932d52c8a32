//! A part that the store may change.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(ids), ttl = "5m")]
    async fn get(&self, ids: &mut Vec<u64>) -> Result<Option<String>, String>;
}

fn main() {}
