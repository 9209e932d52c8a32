//! Not a literal and not a constant.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = Duration::from_secs(5))]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
