use cache_core::{Error, cached_store};

fn main() {}

#[cached_store(namespace = "app")]
trait Store {
    #[cached(entity = "post", key(id), tags("label", value.1), ttl = "5m")]
    async fn post(&self, id: u64) -> Result<Option<(String, Vec<String>)>, Error>;

    #[invalidates(tag("label", labels))]
    async fn set(&self, labels: &[String]) -> Result<(), Error>;
}
