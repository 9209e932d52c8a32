//! Default bodies that run over the store, and such that run over the decorator.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use cache_core::cached_store;

use super::support::{Calls, decorated, worlds};

#[cached_store(namespace = "reach:over:boxed", mode = strict)]
#[async_trait]
pub(super) trait Permissions: Send + Sync {
    #[cached(entity = "permissions", key(user), ttl = "5m")]
    async fn permissions(&self, user: u64) -> Result<BTreeSet<String>, String>;

    #[over(decorator)]
    async fn may(&self, user: u64, permission: &str) -> Result<bool, String> {
        Ok(self.permissions(user).await?.contains(permission))
    }

    #[uncached]
    async fn may_now(&self, user: u64, permission: &str) -> Result<bool, String> {
        Ok(self.permissions(user).await?.contains(permission))
    }

    /// A synchronous one.
    #[over(decorator)]
    fn label(&self) -> String {
        format!("over {}", self.name())
    }

    fn name(&self) -> &'static str;
}

#[cached_store(namespace = "reach:over:native", mode = strict)]
pub(super) trait Totals: Send + Sync {
    #[cached(entity = "amount", key(id), ttl = "5m")]
    async fn amount(&self, id: u64) -> Result<u64, String>;

    #[uncached]
    #[over(decorator)]
    async fn total(&self, ids: &[u64]) -> Result<u64, String> {
        let mut total = 0;
        for id in ids {
            total += self.amount(*id).await?;
        }
        Ok(total)
    }
}

#[derive(Default)]
struct Store {
    calls: Calls,
}

#[async_trait]
impl Permissions for Store {
    async fn permissions(&self, _: u64) -> Result<BTreeSet<String>, String> {
        self.calls.add();
        Ok(BTreeSet::from(["read".to_owned()]))
    }

    fn name(&self) -> &'static str {
        "store"
    }

    /// Never called: the decorator does not forward it.
    async fn may(&self, _: u64, _: &str) -> Result<bool, String> {
        Err("the store was asked".to_owned())
    }
}

impl Totals for Store {
    async fn amount(&self, id: u64) -> Result<u64, String> {
        self.calls.add();
        Ok(id)
    }
}

#[tokio::test]
async fn a_default_body_over_the_decorator_uses_the_cache() {
    for caches in worlds().await {
        let store = Arc::new(Store::default());
        let decorators = decorated(&caches, |cache| -> Arc<dyn Permissions> {
            Arc::new(CachingPermissions::new(store.clone(), cache))
        });
        let permissions = &decorators.await[0];
        assert_eq!(permissions.permissions(1).await, Ok(BTreeSet::from(["read".to_owned()])));
        assert_eq!(permissions.may(1, "read").await, Ok(true));
        assert_eq!(permissions.may(1, "write").await, Ok(false));
        assert_eq!(store.calls.count(), 1, "it reads through the cache");
        assert_eq!(permissions.may_now(1, "read").await, Ok(true));
        assert_eq!(store.calls.count(), 2, "without the attribute it runs over the store");
        assert_eq!(permissions.label(), "over store");
    }
}

#[tokio::test]
async fn a_native_default_body_over_the_decorator_uses_the_cache() {
    for caches in worlds().await {
        let store = Arc::new(Store::default());
        let totals = &decorated(&caches, |cache| CachingTotals::new(store.clone(), cache)).await[0];
        for _ in 0..2 {
            assert_eq!(totals.total(&[1, 2]).await, Ok(3));
        }
        assert_eq!(store.calls.count(), 2);
    }
}
