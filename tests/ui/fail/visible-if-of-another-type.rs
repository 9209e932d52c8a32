//! A question about something else.
use cache_core::cached_store;

pub fn may_read(_: &u32, _: &u64) -> bool {
    true
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", visible_if = may_read)]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
