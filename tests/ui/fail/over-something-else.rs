//! A default body runs over the decorator, or over the store without the attribute.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[over(store)]
    async fn has(&self, id: u64) -> Result<bool, String> {
        Ok(self.get(id).await?.is_some())
    }

    #[over]
    async fn lacks(&self, id: u64) -> Result<bool, String> {
        Ok(self.get(id).await?.is_none())
    }
}

fn main() {}
