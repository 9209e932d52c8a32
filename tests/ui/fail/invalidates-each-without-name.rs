//! A list whose elements have no name.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(each(list => get(element.id)))]
    async fn put(&self, list: &[u64]) -> Result<(), String>;

    #[invalidates(each(entries => get(*entry)))]
    async fn add(&self, entries: &[u64]) -> Result<(), String>;
}

fn main() {}
