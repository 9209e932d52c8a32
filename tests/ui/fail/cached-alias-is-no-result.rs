//! An alias that hides something else.
use cache_core::cached_store;

pub struct Answer;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Answer;
}

fn main() {}
