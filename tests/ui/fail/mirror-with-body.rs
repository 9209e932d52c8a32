//! The body of a mirror would never run.
use cache_core::cached_store;

mod other {
    pub trait Store: Send + Sync {
        fn get(&self, id: u64) -> impl Future<Output = Result<Option<String>, String>> + Send;
        fn has(&self, id: u64) -> impl Future<Output = Result<bool, String>> + Send {
            async move { Ok(self.get(id).await?.is_some()) }
        }
    }
}

#[cached_store(namespace = "app", foreign = other::Store)]
trait Store {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[uncached]
    async fn has(&self, id: u64) -> Result<bool, String> {
        Ok(self.get(id).await?.is_some())
    }
}

fn main() {}
