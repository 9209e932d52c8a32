//! A trait that demands `Display`, and one with a supertrait that only the program can implement.

use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use async_trait::async_trait;
use cache_core::cached_store;

use super::support::{Calls, decorated, worlds};

pub(super) trait Region {
    fn region(&self) -> &str;
}

#[cached_store(namespace = "reach:supertraits", mode = strict)]
#[async_trait]
pub(super) trait Objects: Display + Debug + Region + Send + Sync {
    #[cached(entity = "size", key(path), ttl = "5m")]
    async fn size(&self, path: &str) -> Result<u64, String>;

    #[invalidates(size(path))]
    async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), String>;
}

impl<S: ?Sized + Region> Region for CachingObjects<S> {
    fn region(&self) -> &str {
        self.backing().region()
    }
}

#[derive(Debug, Default)]
struct Store {
    calls: Calls,
}

impl Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("objects")
    }
}

impl Region for Store {
    fn region(&self) -> &'static str {
        "north"
    }
}

#[async_trait]
impl Objects for Store {
    async fn size(&self, path: &str) -> Result<u64, String> {
        self.calls.add();
        Ok(path.len() as u64)
    }

    async fn put(&self, _: &str, _: Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

#[tokio::test]
async fn the_decorator_of_any_store_has_the_supertraits() {
    for caches in worlds().await {
        let store = Arc::new(Store::default());
        let decorators = decorated(&caches, |cache| -> Arc<dyn Objects> {
            let behind: Arc<dyn Objects> = store.clone();
            Arc::new(CachingObjects::new(behind, cache))
        });
        let decorators = decorators.await;
        let (objects, other) = (&decorators[0], &decorators[caches.len() - 1]);
        assert_eq!(format!("{objects:>9}"), "  objects");
        assert_eq!(objects.region(), "north");
        for _ in 0..2 {
            assert_eq!(objects.size("a/b").await, Ok(3));
        }
        assert_eq!(store.calls.count(), 1);
        other.put("a/b", Vec::new()).await.unwrap();
        objects.size("a/b").await.unwrap();
        assert_eq!(store.calls.count(), 2);
    }
}
