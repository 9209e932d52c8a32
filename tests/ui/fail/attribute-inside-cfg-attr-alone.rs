//! The only attribute of a method, whose condition is decided too late. What follows from it is not reported.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cfg_attr(test, cached(entity = "name", key(id), ttl = "5m"))]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(id))]
    async fn delete(&self, id: u64) -> Result<(), String>;
}

fn main() {}
