//! An element that is called like a parameter, or like the result.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(each(id in ids => get(*id)))]
    async fn put(&self, ids: &[u64], id: u64) -> Result<(), String>;

    #[invalidates(each(result in ids => get(*result)))]
    async fn add(&self, ids: &[u64]) -> Result<(), String>;
}

fn main() {}
