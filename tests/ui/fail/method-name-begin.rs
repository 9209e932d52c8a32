//! A name that the decorator has for the guard of a write.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(id))]
    async fn rename(&self, id: u64) -> Result<(), String>;

    #[uncached]
    async fn begin_rename(&self, id: u64) -> Result<(), String>;

    /// Not a write of this name.
    #[uncached]
    async fn begin_get(&self, id: u64) -> Result<(), String>;
}

fn main() {}
