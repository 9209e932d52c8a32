use cache_core::{Error, cached_store};

fn main() {}

type Fallible<T> = Result<T, Error>;

#[cached_store(namespace = "app")]
trait Store {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn name(&self, id: u64) -> Fallible<Option<String>>;

    #[cached(batch = name)]
    async fn names(&self, ids: &[u64]) -> Fallible<Vec<Option<String>>>;
}
