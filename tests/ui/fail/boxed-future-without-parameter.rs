//! The cache is asked inside of the future, which these futures may not take their parameters into.
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

    #[invalidates(get(record.id))]
    fn save(&self, record: &mut Record) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>>;

    #[invalidates(get(ids.len() as u64))]
    fn clear<'a, 'b>(&'a self, ids: &'b [&'b str]) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

    #[invalidates(get(record.id))]
    fn good<'a>(&'a self, record: &'a mut Record) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;
}

fn main() {}
