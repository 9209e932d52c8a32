//! The option takes the path of the trait.
use cache_core::cached_store;

#[cached_store(namespace = "app", foreign = "other::Store")]
trait Store {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
