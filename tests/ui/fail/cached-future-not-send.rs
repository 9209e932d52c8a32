//! A load is a task of its own.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    fn get(&self, id: u64) -> impl Future<Output = Result<String, String>>;
}

fn main() {}
