//! The name of a foreign method cannot be changed.
use cache_core::cached_store;

mod other {
    pub trait Store: Send + Sync {
        fn backing(&self, id: u64) -> impl Future<Output = Result<Option<String>, String>> + Send;
    }
}

#[cached_store(namespace = "app", foreign = other::Store)]
trait Store {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn backing(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
