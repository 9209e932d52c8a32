//! `cached` has no defaults for a key and a time to live.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
