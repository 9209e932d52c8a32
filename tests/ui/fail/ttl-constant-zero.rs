//! A constant that is zero.
use cache_core::cached_store;

const NEVER: std::time::Duration = std::time::Duration::ZERO;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = NEVER)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
