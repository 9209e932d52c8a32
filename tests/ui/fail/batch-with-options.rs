//! What the method over one key says is not said again.
use std::collections::HashMap;

use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(group, id), ignore(trace), ttl = "5m")]
    async fn get(&self, group: &str, id: u64, trace: Option<String>) -> Result<Option<String>, String>;

    #[uncached]
    async fn count(&self) -> Result<u64, String>;

    #[cached(batch = get, entity = "names", ttl = "1h", load = inline, stale_if_error = "1h", refresh = "1m")]
    async fn many(&self, group: &str, ids: &[u64], trace: Option<String>) -> Result<HashMap<u64, String>, String>;
}

fn main() {}
