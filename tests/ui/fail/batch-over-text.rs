//! A part of which the key has the bits.
use std::collections::HashMap;

use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(at), ttl = "5m")]
    async fn get(&self, at: f64) -> Option<String>;

    #[cached(batch = get)]
    async fn get_many(&self, at: &[f64]) -> HashMap<u64, String>;
}

fn main() {}
