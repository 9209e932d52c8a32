//! An option as other crates call it.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), expires = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
