//! The store is shared.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[uncached]
    async fn close(self) -> Result<(), String>;

    #[uncached]
    async fn shut(self: Box<Self>) -> Result<(), String>;
}

fn main() {}
