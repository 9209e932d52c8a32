//! Only the error type knows which errors are outages.
use cache_core::cached_store;

#[derive(Debug, Clone)]
pub struct Failed;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "a", key(id), ttl = "5m", stale_if_error = "1h")]
    async fn a(&self, id: u64) -> Result<String, Failed>;
}

fn main() {}
