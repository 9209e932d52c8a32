//! A trait whose signatures use aliases of `Result` and `Option`, and a tuple as value.

use std::fmt::Debug;

use cache_core::cached_store;

use super::support::{Calls, each_cache, settled};

type Result<T, E = Failed> = std::result::Result<T, E>;
type Found<T> = Result<Option<T>>;
type Fallible<T> = Result<T>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failed;

#[cached_store(namespace = "reach:aliases")]
pub(super) trait UserRepository: Debug + Send + Sync {
    #[cached(entity = "user", key(id), ttl = "5m", negative_ttl = "5m")]
    async fn find(&self, id: u64) -> Found<(u64, String)>;

    #[cached(entity = "by-name", key(name), ttl = "5m")]
    async fn by_name(&self, name: &str) -> Result<Vec<u64>>;

    #[invalidates(find(id), by_name(..))]
    async fn delete(&self, id: u64) -> Result<()>;

    #[invalidates(find(result.0))]
    async fn rename(&self, name: &str) -> Fallible<(u64, String)>;
}

#[derive(Debug, Default)]
struct Store {
    calls: Calls,
}

impl UserRepository for Store {
    async fn find(&self, id: u64) -> Found<(u64, String)> {
        self.calls.add();
        Ok((id != 0).then(|| (id, "ada".to_owned())))
    }

    async fn by_name(&self, _: &str) -> Result<Vec<u64>> {
        self.calls.add();
        Ok(vec![1])
    }

    async fn delete(&self, _: u64) -> Result<()> {
        Ok(())
    }

    async fn rename(&self, name: &str) -> Fallible<(u64, String)> {
        Ok((1, name.to_owned()))
    }
}

#[tokio::test]
async fn values_and_absences_behind_aliases_are_cached() {
    for cache in each_cache().await {
        let store = CachingUserRepository::new(Store::default().into(), &cache);
        settled(&cache).await;
        for _ in 0..2 {
            assert_eq!(store.find(1).await, Ok(Some((1, "ada".to_owned()))));
            assert_eq!(store.find(0).await, Ok(None));
            assert_eq!(store.by_name("ada").await, Ok(vec![1]));
        }
        let before = store.backing().calls.count();
        store.delete(1).await.unwrap();
        store.find(1).await.unwrap();
        store.by_name("ada").await.unwrap();
        assert_eq!(store.backing().calls.count(), before + 2);
        store.rename("eve").await.unwrap();
        store.find(1).await.unwrap();
        assert_eq!(store.backing().calls.count(), before + 3, "`result` is the value behind the alias");
    }
}
