//! There is no default body.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[over(decorator)]
    async fn has(&self, id: u64) -> Result<bool, String>;
}

fn main() {}
