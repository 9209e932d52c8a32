//! The memory cost of a hit.

use std::sync::Arc;

use cache_core::{Cache, CacheKey, cached_store};

use super::support::Failed;

#[derive(Clone, Copy, PartialEq, Eq, Hash, CacheKey)]
pub(super) struct TenantId(u128);

#[cached_store(namespace = "test:hit")]
#[async_trait::async_trait]
pub(super) trait Store: Send + Sync {
    #[cached(entity = "policy", key(tenant), ttl = "5m", negative_ttl = "30s")]
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<String>>, Failed>;
}

struct Empty;

#[async_trait::async_trait]
impl Store for Empty {
    async fn get_policy(&self, _: TenantId) -> Result<Option<Arc<String>>, Failed> {
        Ok(None)
    }
}

/// The maximum size of the box that `async_trait` allocates for each call, hit or miss.
const LARGEST_BOX: usize = 88;

#[tokio::test]
async fn the_boxed_future_of_a_read_stays_small() {
    let caching: Arc<dyn Store> = Arc::new(CachingStore::new(Arc::new(Empty), &Cache::single_instance()));
    let future = caching.get_policy(TenantId(1));
    let size = size_of_val(&*future);
    assert!(size <= LARGEST_BOX, "{size} bytes");
    assert_eq!(future.await.unwrap(), None);
}
