//! An answer that is no map.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(group, id), ignore(trace), ttl = "5m")]
    async fn get(&self, group: &str, id: u64, trace: Option<String>) -> Result<Option<String>, String>;

    #[uncached]
    async fn count(&self) -> Result<u64, String>;

    #[cached(batch = get)]
    async fn many(&self, group: &str, ids: &[u64], trace: Option<String>) -> Result<String, String>;
}

fn main() {}
