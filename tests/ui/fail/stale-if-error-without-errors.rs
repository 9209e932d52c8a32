//! A method without errors has none that a value could replace.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "a", key(id), ttl = "5m", stale_if_error = "1h")]
    async fn a(&self, id: u64) -> Option<String>;
}

fn main() {}
