//! Every mistake is reported in one build, and none twice.
use cache_core::cached_store;

#[cached_store(namespase = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(tenant), tll = "5m")]
    async fn get(&self, tenant: u64, user: u64) -> Result<Option<String>, String>;

    #[cached(entity = "name", key(id), ttl = "0s", local = off, local_capacity = 9)]
    async fn find(&self, id: u64) -> Option<String>;

    #[invalidates(gett(tenant, ..), find(id, id))]
    async fn put(&self, tenant: u64, id: u64) -> Result<(), String>;

    async fn forgotten(&self) -> Result<(), String>;
}

fn main() {}
