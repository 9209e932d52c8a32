//! `refresh` is about loads in the background.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", refresh = once)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[cached(entity = "other", key(id), ttl = "5m", refresh_after = "80%", refresh = twice)]
    async fn other(&self, id: u64) -> Result<Option<String>, String>;

    #[cached(entity = "inline", key(id), ttl = "5m", refresh = once, load = inline)]
    async fn inline(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
