//! A method over many keys that returns rows, without the function that finds their keys.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<String, String>;

    #[cached(batch = get)]
    async fn get_all(&self, ids: &[u64]) -> Result<Vec<String>, String>;
}

fn main() {}
