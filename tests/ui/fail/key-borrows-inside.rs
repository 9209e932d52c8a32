//! A part that cannot be kept.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(ids), ttl = "5m")]
    async fn get(&self, ids: &[&str]) -> Result<Option<String>, String>;
}

fn main() {}
