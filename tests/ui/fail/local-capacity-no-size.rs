//! A size without a unit, and with one that does not exist.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", local_capacity = "64")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[cached(entity = "text", key(id), ttl = "5m", local_capacity = "64mb")]
    async fn text(&self, id: u64) -> Result<Option<String>, String>;

    #[cached(entity = "mark", key(id), ttl = "5m", local_capacity = "0MiB")]
    async fn mark(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
