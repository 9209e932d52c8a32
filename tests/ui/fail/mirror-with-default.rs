//! The constant is that of the store.
use cache_core::cached_store;

mod other {
    pub trait Store: Send + Sync {
        const LIMIT: usize = 10;
        fn get(&self, id: u64) -> impl Future<Output = Result<Option<String>, String>> + Send;
    }
}

#[cached_store(namespace = "app", foreign = other::Store)]
trait Store {
    const LIMIT: usize = 20;

    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
