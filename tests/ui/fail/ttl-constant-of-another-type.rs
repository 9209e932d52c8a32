//! A constant that is no `Duration`.
use cache_core::cached_store;

const SECONDS: u64 = 300;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = SECONDS)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
