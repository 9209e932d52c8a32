//! The weight is a number of bytes, of a value.
use cache_core::cached_store;

fn weight(value: &String) -> u32 {
    u32::try_from(value.len()).unwrap_or(u32::MAX)
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", local_capacity = "64MiB", weigh = weight)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
