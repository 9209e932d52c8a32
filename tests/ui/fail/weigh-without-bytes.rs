//! A tier that counts entries weighs none of them.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", local_capacity = 10_000, weigh = String::len)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[cached(entity = "text", key(id), ttl = "5m", weigh = String::len)]
    async fn text(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
