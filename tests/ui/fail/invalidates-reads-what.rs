//! Old rows that are not the row of one key.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(old.len() as u64), reads(old = get(..)))]
    async fn put(&self, id: u64) -> Result<(), String>;

    #[invalidates(get(old.len() as u64), reads(old = missing(id)))]
    async fn add(&self, id: u64) -> Result<(), String>;

    #[invalidates(get(old.len() as u64), reads(old = get(result)))]
    async fn create(&self) -> Result<u64, String>;

    #[invalidates(get(id.len() as u64), reads(id = get(7)))]
    async fn change(&self, id: u64) -> Result<(), String>;

    #[invalidates(get(id), reads(old = ))]
    async fn remove(&self, id: u64) -> Result<(), String>;
}

fn main() {}
