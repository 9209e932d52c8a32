//! A lock has no `Arc` of its store.
use cache_core::cached_store;

#[cached_store(namespace = "app", exclusive = lock)]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(self: std::sync::Arc<Self>, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
