//! No time to live.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id))]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
