//! The store cannot be cloned.
use cache_core::{Cache, cached_store};

#[cached_store(namespace = "app", exclusive = clone)]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&mut self, id: u64) -> Result<Option<String>, String>;
}

struct Table;

impl Store for Table {
    async fn get(&mut self, _: u64) -> Result<Option<String>, String> {
        Ok(None)
    }
}

fn main() {
    let _ = CachingStore::new(Table.into(), &Cache::single_instance());
}
