//! A wrong annotation does not take the trait with it: only the annotation is reported.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "soon")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

struct Memory;

impl Store for Memory {
    async fn get(&self, id: u64) -> Result<Option<String>, String> {
        Ok(Some(id.to_string()))
    }
}

fn main() {
    drop(Memory.get(1));
}
