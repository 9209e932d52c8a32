//! A value that has ended at its moment is of no use, so that none may answer after it.
use std::time::SystemTime;

use cache_core::cached_store;

fn end(_: &String) -> SystemTime {
    SystemTime::now()
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "a", key(id), ttl = "5m", expires_at = end, stale_while_revalidate = "5m")]
    async fn a(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "b", key(id), ttl = "5m", expires_at = end, stale_if_error = "5m")]
    async fn b(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "c", key(id), ttl = "5m", expires_at = end, ttl_from = life)]
    async fn c(&self, id: u64) -> Result<String, String>;
}

fn main() {}
