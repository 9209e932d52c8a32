//! An exclusive reference inside of a parameter, beside the result.
use cache_core::cached_store;

pub struct Record {
    pub id: u64,
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(both.0.id + result))]
    async fn save(&self, both: (&mut Record, u64)) -> Result<u64, String>;
}

fn main() {}
