//! A required method of the foreign trait that the mirror does not list.
use cache_core::cached_store;

mod other {
    pub trait Store: Send + Sync {
        fn get(&self, id: u64) -> impl Future<Output = Result<Option<String>, String>> + Send;
        fn set(&self, id: u64, name: String) -> impl Future<Output = Result<(), String>> + Send;
    }
}

#[cached_store(namespace = "app", foreign = other::Store)]
trait Mirror {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
