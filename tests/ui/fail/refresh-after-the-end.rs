//! An entry is refreshed while it is cached, by a load that needs nothing of its caller.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "a", key(id), ttl = "5m", refresh_after = "5m")]
    async fn a(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "b", key(id), ttl = "5m", refresh_after = "100%")]
    async fn b(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "c", key(id), ttl = "5m", refresh_after = "80%", load = inline)]
    async fn c(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "d", key(id), ttl = "5m", stale_while_revalidate = "5m", load = inline)]
    async fn d(&self, id: u64) -> Result<String, String>;
}

fn main() {}
