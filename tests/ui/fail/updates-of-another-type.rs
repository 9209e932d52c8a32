//! The value has the type that the read method returns.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[updates(get(id) = name.to_owned())]
    async fn rename(&self, id: u64, name: &str) -> Result<(), String>;

    #[updates(get(id) = result.clone())]
    async fn renamed(&self, id: u64) -> Result<String, String>;
}

fn main() {}
