//! Results behind aliases, of one and of no parameter.
#![deny(warnings)]
#![allow(dead_code)]

use cache_core::cached_store;

type StoreResult<T> = Result<T, String>;
type Answer = Result<Option<u64>, std::io::Error>;

#[cached_store(namespace = "app")]
trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m", negative_ttl = "1s")]
    async fn spelt_out(&self, id: u64) -> std::io::Result<Option<String>>;

    #[cached(entity = "alias", key(id), ttl = "5m")]
    async fn alias(&self, id: u64) -> StoreResult<Vec<String>>;

    #[cached(entity = "answer", key(id), ttl = "5m")]
    async fn answer(&self, id: u64) -> Answer;

    #[invalidates(answer(result.len() as u64), alias(*result.first().unwrap_or(&id)))]
    async fn write(&self, id: u64) -> StoreResult<Vec<u64>>;
}

fn main() {}
