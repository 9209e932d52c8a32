//! Futures that no name gives away, in methods that say nothing about the cache.
use std::future::Future;
use std::pin::Pin;

use cache_core::cached_store;

pub type BoxFut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
pub type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
pub type Task<T> = std::future::Ready<T>;

pub trait Job: Future<Output = u64> {}

#[cached_store(namespace = "app")]
pub trait Store<T: Send + Sync + 'static>: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    fn save<'a>(&'a self, name: &'a str) -> BoxFut<'a, T>;

    fn local(&self) -> Local<'_, ()>;

    fn task(&self) -> Task<u64>;

    fn job(&self) -> impl Job;

    fn nothing() -> std::future::Ready<u64>;

    fn not_a_future(&self) -> T;

    #[invalidates(get(1))]
    fn wrapped(&self) -> Task<Result<(), String>>;
}

fn main() {}
