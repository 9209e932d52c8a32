//! A list without its targets.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(each(ids))]
    async fn put(&self, ids: &[u64]) -> Result<(), String>;
}

fn main() {}
