//! Names that the decorator has itself.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[uncached]
    async fn peek_get(&self, id: u64) -> Result<(), String>;

    fn builder(&self) -> u64;

    #[cached(entity = "partition", key(id), ttl = "5m")]
    async fn partition(&self, id: u64) -> Result<String, String>;
}

fn main() {}
