//! Both versions have one type.
use cache_core::cached_store;

fn version(name: &String) -> String {
    name.clone()
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", refresh_after = "80%", revalidate(name_version, version))]
    async fn name(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "missing", key(id), ttl = "5m", refresh_after = "80%", revalidate(no_such_version, version))]
    async fn missing(&self, id: u64) -> Result<String, String>;

    #[uncached]
    async fn name_version(&self, id: u64) -> Result<usize, String>;
}

fn main() {}
