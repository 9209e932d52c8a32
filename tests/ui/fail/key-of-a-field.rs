//! A key takes whole parameters.
use cache_core::cached_store;

pub struct Query {
    pub tenant: u64,
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(query.tenant), ttl = "5m")]
    async fn get(&self, query: Query) -> Result<Option<String>, String>;
}

fn main() {}
