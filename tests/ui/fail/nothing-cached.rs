//! A decorator that would do nothing.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[uncached]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
