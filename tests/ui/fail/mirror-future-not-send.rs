//! The foreign trait does not promise a future that is `Send`.
use cache_core::cached_store;

mod other {
    #[allow(async_fn_in_trait)]
    pub trait Store {
        async fn get(&self, id: u64) -> Result<Option<String>, String>;
    }
}

#[cached_store(namespace = "app", foreign = other::Store)]
trait Mirror {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
