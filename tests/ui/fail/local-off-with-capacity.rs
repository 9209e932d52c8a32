//! A local tier that is off has no size and no engine.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", local = off, local_capacity = 10, local_engine = moka)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
