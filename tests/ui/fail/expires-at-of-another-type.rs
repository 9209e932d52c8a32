//! The end of a value is a moment, not a length of time.
use std::time::Duration;

use cache_core::cached_store;

fn life(_: &String) -> Duration {
    Duration::from_secs(5)
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", expires_at = life)]
    async fn name(&self, id: u64) -> Result<String, String>;
}

fn main() {}
