//! Entries of a trait that is on another bus.
use cache_core::cached_store;

#[cached_store(namespace = "orders:all")]
pub trait Orders: Send + Sync {
    #[cached(entity = "order", key(id), ttl = "5m")]
    async fn order(&self, id: u64) -> Result<u64, String>;
}

#[cached_store(namespace = "shop:users")]
pub trait Users: Send + Sync {
    #[cached(entity = "user", key(id), ttl = "5m")]
    async fn user(&self, id: u64) -> Result<u64, String>;

    #[invalidates(Orders::order(id))]
    async fn put(&self, id: u64) -> Result<(), String>;
}

fn main() {}
