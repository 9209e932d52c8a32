//! A synchronous method cannot wait for the lock.
use cache_core::cached_store;

#[cached_store(namespace = "app", exclusive = lock)]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&mut self, id: u64) -> Result<Option<String>, String>;

    fn len(&self) -> usize;
}

fn main() {}
