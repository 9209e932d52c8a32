//! A load without any time would always fail.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "a", key(id), ttl = "5m", load_deadline = "0s")]
    async fn a(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "b", key(id), ttl = "5m", load_deadline = 2)]
    async fn b(&self, id: u64) -> Result<String, String>;
}

fn main() {}
