//! What is done around the call of a boxed future may go on in another thread.
use std::future::Future;
use std::pin::Pin;

use cache_core::cached_store;

type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    fn get(&self, id: u64) -> Pin<Box<dyn Future<Output = Result<Option<String>, String>> + '_>>;

    #[invalidates(get(id))]
    fn save(&self, id: u64) -> LocalBoxFuture<'_, Result<(), String>>;

    #[uncached]
    fn count(&self) -> LocalBoxFuture<'_, u64>;
}

fn main() {}
