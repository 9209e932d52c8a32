//! One method, one type of key.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get<I: Send>(&self, id: I) -> Result<Option<String>, String>;
}

fn main() {}
