//! A parameter whose text is asked for, and which is not in the key.
use cache_core::{Error, cached_store};

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ignore(trace), display(trace), ttl = "5m")]
    async fn name(&self, id: u64, trace: u64) -> Result<String, Error>;
}

fn main() {}
