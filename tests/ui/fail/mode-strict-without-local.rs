//! A promise about local hits where there are none.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", local = off, mode = strict)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
