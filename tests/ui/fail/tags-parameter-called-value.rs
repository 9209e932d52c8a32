use cache_core::{Error, TagFamily, cached_store};

pub struct UserTag;

impl TagFamily for UserTag {
    type Key = u64;
    const NAMESPACE: &'static str = "shop";
    const NAME: &'static str = "user";
}

#[cached_store(namespace = "shop")]
pub trait Store: Send + Sync {
    #[cached(entity = "count", key(value), tags("user", value.id), ttl = "5m")]
    async fn count(&self, value: u64) -> Result<u64, Error>;

    #[uncached]
    async fn set(&self, tenant: u64) -> Result<(), Error>;
}

fn main() {}
