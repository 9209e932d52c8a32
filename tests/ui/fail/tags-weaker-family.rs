//! A method whose mode is stronger than that of the family of its tag.
use cache_core::{Error, TagFamily, cached_store};

pub struct UserTag;

impl TagFamily for UserTag {
    type Key = u64;
    const NAMESPACE: &'static str = "shop";
    const NAME: &'static str = "user";
}

#[cached_store(namespace = "shop")]
pub trait Store: Send + Sync {
    #[cached(entity = "right", key(user), tags(UserTag, user), ttl = "5m", mode = strict)]
    async fn right(&self, user: u64) -> Result<bool, Error>;
}

fn main() {}
