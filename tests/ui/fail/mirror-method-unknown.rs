//! The foreign trait has neither of them.
use cache_core::cached_store;

mod other {
    pub trait Store: Send + Sync {
        fn get(&self, id: u64) -> impl Future<Output = Result<Option<String>, String>> + Send;
    }
}

#[cached_store(namespace = "app", foreign = other::Store)]
trait Mirror {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[uncached]
    async fn put(&self, id: u64) -> Result<(), String>;
}

#[cached_store(namespace = "app", foreign = other::Store)]
trait Other {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[over(decorator)]
    async fn has(&self, id: u64) -> Result<bool, String>;
}

fn main() {}
