//! The clone ends with the call.
use cache_core::cached_store;

#[cached_store(namespace = "app", exclusive = clone)]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&mut self, id: u64) -> Result<Option<String>, String>;

    fn names(&mut self) -> &mut Vec<String>;
}

fn main() {}
