//! A value that cannot be handed to a second reader.
use cache_core::cached_store;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Name;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Name, String>;
}

fn main() {}
