//! Options that nothing would act on.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", refresh_after = "4m", stale_while_revalidate = "1m", stale_if_error = "1h")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
