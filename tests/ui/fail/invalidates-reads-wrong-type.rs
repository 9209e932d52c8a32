//! An old row by a key of another type, and a field that it does not have.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(old.id), reads(old = get(id)))]
    async fn put(&self, id: u64) -> Result<(), String>;

    #[invalidates(get(old.len() as u64), reads(old = get(name)))]
    async fn add(&self, name: &str) -> Result<(), String>;
}

fn main() {}
