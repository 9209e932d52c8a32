//! An entry that is never read.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "0s")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
