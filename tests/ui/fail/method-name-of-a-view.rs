//! Names of the decorator's views and snapshots.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn fresh(&self, id: u64) -> Option<String>;

    #[uncached]
    async fn uncached(&self, id: u64) -> u64;

    fn cached_only(&self) -> u64;

    #[uncached]
    async fn snapshot_keys(&self) -> u64;

    fn warm_from(&self) -> u64;
}

fn main() {}
