//! Nothing that a decorator brings along lacks its documentation, or is a warning.
#![deny(missing_docs, warnings)]

use cache_core::cached_store;

/// A store.
#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    /// Reads.
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Option<String>;
}

fn main() {}
