//! A default body over the decorator has no entries of its own.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[over(decorator)]
    #[cached(entity = "has", key(id), ttl = "5m")]
    async fn has(&self, id: u64) -> Result<bool, String> {
        Ok(self.get(id).await?.is_some())
    }

    #[invalidates(get(id))]
    #[over(decorator)]
    async fn clear(&self, id: u64) -> Result<(), String> {
        let _ = id;
        Ok(())
    }
}

fn main() {}
