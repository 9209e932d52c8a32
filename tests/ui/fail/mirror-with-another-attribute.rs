//! There is no trait to mock.
use cache_core::cached_store;

mod other {
    pub trait Store: Send + Sync {
        fn get(&self, id: u64) -> impl Future<Output = Result<Option<String>, String>> + Send;
    }
}

#[cached_store(namespace = "app", foreign = other::Store)]
#[automock]
trait Store {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
