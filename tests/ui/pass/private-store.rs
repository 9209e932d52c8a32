//! A private trait whose decorator is used in part only leaves no dead code.
#![deny(warnings)]

use std::sync::Arc;

use cache_core::{Cache, cached_store};

#[cached_store(namespace = "app")]
trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

struct Memory;

impl Store for Memory {
    async fn get(&self, id: u64) -> Result<Option<String>, String> {
        Ok(Some(id.to_string()))
    }
}

fn main() {
    let store = CachingStore::new(Arc::new(Memory), &Cache::pass_through());
    drop(Store::get(&store, 1));
}
