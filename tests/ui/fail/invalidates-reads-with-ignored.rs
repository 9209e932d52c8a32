//! An old row whose read method takes more than its key.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[cached(entity = "traced", key(id), ignore(trace), ttl = "5m")]
    async fn traced(&self, id: u64, trace: &str) -> Result<u64, String>;

    #[invalidates(get(*old), reads(old = traced(id)))]
    async fn put(&self, id: u64) -> Result<(), String>;
}

fn main() {}
