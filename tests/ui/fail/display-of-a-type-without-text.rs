//! A type without a text.
use cache_core::{Error, cached_store};

#[derive(Clone)]
pub struct Id(u64);

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), display(id), ttl = "5m")]
    async fn name(&self, id: Id) -> Result<String, Error>;
}

fn main() {}
