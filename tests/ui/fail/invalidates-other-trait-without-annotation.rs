//! Entries of a trait that has no annotation.
use cache_core::cached_store;

pub trait Plain {}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(Plain::get(id))]
    async fn put(&self, id: u64) -> Result<(), String>;
}

fn main() {}
