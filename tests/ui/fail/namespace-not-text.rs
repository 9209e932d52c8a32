//! A namespace that is no literal.
use cache_core::cached_store;

#[cached_store(namespace = APP)]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
