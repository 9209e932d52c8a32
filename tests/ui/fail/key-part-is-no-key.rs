//! A type that writes no key.
use cache_core::cached_store;

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(u64);

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: Id) -> Result<Option<String>, String>;
}

fn main() {}
