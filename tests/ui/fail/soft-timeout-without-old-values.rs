//! A caller that stops waiting needs a value, and a load that continues needs a task.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "a", key(id), ttl = "5m", soft_timeout = "50ms")]
    async fn a(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "b", key(id), ttl = "5m", stale_while_revalidate = "1h", soft_timeout = "50ms")]
    async fn b(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "c", key(id), ttl = "5m", stale_if_error = "1h", soft_timeout = "50ms", load = inline)]
    async fn c(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "d", key(id), ttl = "5m", stale_if_error = "1h", soft_timeout = 50)]
    async fn d(&self, id: u64) -> Result<String, String>;
}

fn main() {}
