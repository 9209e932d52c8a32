//! A list of borrowed parts.
use std::collections::HashMap;

use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(group, id), ignore(trace), ttl = "5m")]
    async fn get(&self, group: &str, id: u64, trace: Option<String>) -> Result<Option<String>, String>;

    #[uncached]
    async fn count(&self) -> Result<u64, String>;

    #[cached(batch = get)]
    async fn many(&self, groups: &[&str], id: u64, trace: Option<String>) -> Result<HashMap<String, String>, String>;
}

fn main() {}
