use cache_core::{Error, TagFamily, cached_store};

pub struct UserTag;

impl TagFamily for UserTag {
    type Key = u64;
    const NAMESPACE: &'static str = "shop";
    const NAME: &'static str = "user";
}

pub struct OrderTag;

impl TagFamily for OrderTag {
    type Key = u64;
    const NAMESPACE: &'static str = "orders";
    const NAME: &'static str = "order";
}

#[cached_store(namespace = "shop")]
pub trait Store: Send + Sync {
    #[cached(entity = "count", key(tenant), ignore(trace), tags(OrderTag, value.0), ttl = "5m")]
    async fn count(&self, tenant: u64, trace: u64) -> Result<(u64, String), Error>;

    #[uncached]
    async fn set(&self, tenant: u64) -> Result<(), Error>;
}

fn main() {}
