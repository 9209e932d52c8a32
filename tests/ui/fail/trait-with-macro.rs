//! Items that nobody can see through.
use cache_core::cached_store;

macro_rules! more {
    () => {};
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    more!();
}

fn main() {}
