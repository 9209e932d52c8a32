//! An argument that would return from the method.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(id.ok_or("no id")?))]
    async fn save(&self, id: Option<u64>) -> Result<(), String>;

    #[invalidates(get(*result.first().ok_or("none")?))]
    async fn create(&self) -> Result<Vec<u64>, String>;

    #[invalidates(get(if let Some(id) = id { id } else { return Ok(()) }))]
    async fn remove(&self, id: Option<u64>) -> Result<(), String>;

    #[invalidates(get((|| id?.checked_add(1))().unwrap_or_default()))]
    async fn touch(&self, id: Option<u64>) -> Result<(), String>;
}

fn main() {}
