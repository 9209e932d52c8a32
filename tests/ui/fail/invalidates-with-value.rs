//! Only `updates` stores values.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(id) = Some(result.clone()))]
    async fn rename(&self, id: u64) -> Result<String, String>;
}

fn main() {}
