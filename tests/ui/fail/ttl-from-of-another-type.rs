//! The life of a value is a length of time, not a number.
use cache_core::cached_store;

fn seconds(name: &String) -> u64 {
    name.len() as u64
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", ttl_from = seconds)]
    async fn name(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
