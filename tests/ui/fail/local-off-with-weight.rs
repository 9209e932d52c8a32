//! Without a local tier nothing is weighed, and nothing is idle.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", local = off, local_capacity = "64MiB", weigh = String::len, tti = "1m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
