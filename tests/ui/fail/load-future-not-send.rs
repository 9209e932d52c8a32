//! A plain `async fn` of the trait promises a future that is `Send`.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

struct Memory;

impl Store for Memory {
    async fn get(&self, id: u64) -> Result<Option<String>, String> {
        let local = std::rc::Rc::new(id);
        std::future::ready(()).await;
        Ok(Some(local.to_string()))
    }
}

fn main() {}
