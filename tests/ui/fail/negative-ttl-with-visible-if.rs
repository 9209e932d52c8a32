//! An absence that is only this reader's.
use cache_core::cached_store;

pub fn may_read(_: &str, _: &u64) -> bool {
    true
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", negative_ttl = "30s", visible_if = may_read)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
