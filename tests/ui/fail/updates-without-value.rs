//! `updates` without a value is `invalidates`.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[updates(get(id))]
    async fn rename(&self, id: u64) -> Result<String, String>;

    #[updates]
    async fn forget(&self, id: u64) -> Result<(), String>;
}

fn main() {}
