//! Entries of another trait: a part of a key, a method and a key that it does not have.
use cache_core::cached_store;

#[cached_store(namespace = "app:others")]
pub trait Other: Send + Sync {
    #[cached(entity = "pair", key(id, name), ttl = "5m")]
    async fn pair(&self, id: u64, name: &str) -> Result<u64, String>;
}

#[cached_store(namespace = "app:users")]
pub trait Prefix: Send + Sync {
    #[cached(entity = "user", key(id), ttl = "5m")]
    async fn user(&self, id: u64) -> Result<u64, String>;

    #[invalidates(Other::pair(id, ..))]
    async fn put(&self, id: u64) -> Result<(), String>;
}

#[cached_store(namespace = "app:names")]
pub trait Names: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn name(&self, id: u64) -> Result<u64, String>;

    #[invalidates(Other::missing(id))]
    async fn add(&self, id: u64) -> Result<(), String>;

    #[invalidates(Other::pair(id, id))]
    async fn change(&self, id: u64) -> Result<(), String>;

    #[invalidates(Other::pair(id))]
    async fn remove(&self, id: u64) -> Result<(), String>;
}

fn main() {}
