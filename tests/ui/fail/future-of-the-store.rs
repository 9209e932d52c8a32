//! Futures that only the store itself can make.
use std::future::Future;
use std::pin::Pin;

use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    type SaveFuture<'a>: Future<Output = ()> + Send
    where
        Self: 'a;

    #[cached(entity = "name", key(id), ttl = "5m")]
    fn get(&self, id: u64) -> Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send + Sync + '_>>;

    #[invalidates(get(id))]
    fn save(&self, id: u64) -> Self::SaveFuture<'_>;
}

fn main() {}
