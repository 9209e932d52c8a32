//! Parameters that the call consumes, or that would have to be copied for it.
use std::future::Future;
use std::pin::Pin;

use cache_core::cached_store;

pub struct Record {
    pub id: u64,
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(record.id + result))]
    async fn save(&self, record: Record) -> Result<u64, String>;

    #[invalidates(get(record.id))]
    fn later(&self, record: &Record) -> Pin<Box<dyn Future<Output = Result<u64, String>> + Send>>;
}

fn main() {}
