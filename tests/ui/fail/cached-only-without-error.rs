//! A miss has no return value in the trait.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn read(store: &CachingStore<impl Store + 'static>) {
    let _ = store.cached_only().into_store();
}

fn main() {}
