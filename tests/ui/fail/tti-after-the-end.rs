//! No entry is idle for longer than it lives.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", tti = "10m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
