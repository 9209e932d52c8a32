//! `invalidate_all` has a meaning already.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "all", ttl = "5m")]
    async fn all(&self) -> Result<Vec<String>, String>;
}

fn main() {}
