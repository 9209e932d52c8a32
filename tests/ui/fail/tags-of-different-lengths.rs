use cache_core::{Error, cached_store};

fn main() {}

#[cached_store(namespace = "app")]
trait Store {
    #[cached(entity = "row", key(tenant, id), tags("row", tenant, id), ttl = "5m")]
    async fn row(&self, tenant: u64, id: u64) -> Result<Option<String>, Error>;

    #[cached(entity = "label", key(tenant, id), tags("row", id), ttl = "5m")]
    async fn label(&self, tenant: u64, id: u64) -> Result<Option<String>, Error>;

    #[invalidates(tag("row", id))]
    async fn set(&self, id: u64) -> Result<(), Error>;
}
