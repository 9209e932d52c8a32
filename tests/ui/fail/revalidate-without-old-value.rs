//! A value is compared if there is one, and its version is that of a method of the trait.
use cache_core::cached_store;

fn version(name: &String) -> usize {
    name.len()
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", revalidate(name_version, version))]
    async fn name(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "other", key(id), ttl = "5m", refresh_after = "80%", revalidate = name_version)]
    async fn other(&self, id: u64) -> Result<String, String>;

    #[uncached]
    async fn name_version(&self, id: u64) -> Result<usize, String>;
}

fn main() {}
