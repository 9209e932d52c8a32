//! The decorator cannot promise for its callers.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[uncached]
    async unsafe fn raw(&self) -> Result<(), String>;
}

fn main() {}
