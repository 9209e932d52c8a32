//! Async methods without `async` and without an attribute.
use std::future::Future;
use std::pin::Pin;

use cache_core::cached_store;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    type Removal<'a>: Future<Output = ()> + Send
    where
        Self: 'a;

    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    fn save<'a>(&'a self, id: u64, name: &'a str) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

    fn rename(&self, id: u64) -> BoxFuture<'_, Result<(), String>>;

    fn clear(&self) -> impl Future<Output = ()> + Send;

    fn touch(&self, id: u64) -> Box<dyn Future<Output = ()> + Send + Unpin>;

    fn remove(&self, id: u64) -> Self::Removal<'_>;

    fn perhaps(&self, id: u64) -> Option<BoxFuture<'_, ()>>;
}

fn main() {}
