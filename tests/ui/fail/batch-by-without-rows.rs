//! `by` on a method that returns a map, and on one over one key; and rows without it.
use std::collections::HashMap;

use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<String, String>;

    #[cached(batch = get, by = id_of)]
    async fn get_map(&self, ids: &[u64]) -> Result<HashMap<u64, String>, String>;

    #[cached(entity = "one", key(id), ttl = "5m", by = id_of)]
    async fn one(&self, id: u64) -> Result<String, String>;
}

fn main() {}
