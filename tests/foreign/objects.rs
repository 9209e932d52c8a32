//! A store of objects in the shape of that of `object_store`: `Display` as supertrait, streams, and `dyn` stores.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cache_core::cached_store;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use self::store::{Meta, ObjectStore, Result};
use super::support::{Calls, decorated, worlds};

/// As another crate declares it.
mod store {
    use std::fmt::{Debug, Display};

    use async_trait::async_trait;
    use futures_util::stream::BoxStream;
    use serde::{Deserialize, Serialize};

    pub(super) type Result<T, E = String> = std::result::Result<T, E>;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) struct Meta {
        pub(super) location: String,
        pub(super) size: usize,
    }

    #[async_trait]
    pub(super) trait ObjectStore: Display + Debug + Send + Sync + 'static {
        async fn put(&self, location: &str, bytes: Vec<u8>) -> Result<Meta>;

        async fn get_range(&self, location: &str, range: (usize, usize)) -> Result<Vec<u8>>;

        async fn head(&self, location: &str) -> Result<Meta>;

        async fn delete(&self, location: &str) -> Result<()>;

        fn list(&self, prefix: Option<&str>) -> BoxStream<'static, Result<Meta>>;

        async fn get_ranges(&self, location: &str, ranges: &[(usize, usize)]) -> Result<Vec<Vec<u8>>> {
            let mut parts = Vec::new();
            for range in ranges {
                parts.push(self.get_range(location, *range).await?);
            }
            Ok(parts)
        }

        async fn copy_if_absent(&self, from: &str, to: &str) -> Result<bool> {
            if self.head(to).await.is_ok() {
                return Ok(false);
            }
            let size = self.head(from).await?.size;
            let bytes = self.get_range(from, (0, size)).await?;
            self.put(to, bytes).await?;
            Ok(true)
        }
    }
}

#[cached_store(foreign = ObjectStore, namespace = "foreign:objects", mode = strict)]
#[async_trait]
trait Objects: Display + Debug + Send + Sync + 'static {
    #[invalidates(head(location), get_range(location, ..))]
    async fn put(&self, location: &str, bytes: Vec<u8>) -> Result<Meta>;

    #[cached(entity = "range", key(location, range), ttl = "5m")]
    async fn get_range(&self, location: &str, range: (usize, usize)) -> Result<Vec<u8>>;

    #[cached(entity = "head", key(location), ttl = "5m")]
    async fn head(&self, location: &str) -> Result<Meta>;

    #[invalidates(head(location), get_range(location, ..))]
    async fn delete(&self, location: &str) -> Result<()>;

    fn list(&self, prefix: Option<&str>) -> BoxStream<'static, Result<Meta>>;

    #[over(decorator)]
    async fn get_ranges(&self, location: &str, ranges: &[(usize, usize)]) -> Result<Vec<Vec<u8>>>;
}

#[derive(Debug, Default)]
struct Table {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    reads: Calls,
}

impl Table {
    fn with<T>(&self, location: &str, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        self.reads.add();
        self.objects.lock().unwrap().get(location).map(|bytes| read(bytes)).ok_or_else(|| "not found".to_owned())
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects in memory")
    }
}

#[async_trait]
impl ObjectStore for Table {
    async fn put(&self, location: &str, bytes: Vec<u8>) -> Result<Meta> {
        let meta = Meta { location: location.to_owned(), size: bytes.len() };
        self.objects.lock().unwrap().insert(location.to_owned(), bytes);
        Ok(meta)
    }

    async fn get_range(&self, location: &str, (from, to): (usize, usize)) -> Result<Vec<u8>> {
        self.with(location, |bytes| bytes[from..to].to_vec())
    }

    async fn head(&self, location: &str) -> Result<Meta> {
        self.with(location, |bytes| Meta { location: location.to_owned(), size: bytes.len() })
    }

    async fn delete(&self, location: &str) -> Result<()> {
        self.objects.lock().unwrap().remove(location);
        Ok(())
    }

    fn list(&self, prefix: Option<&str>) -> BoxStream<'static, Result<Meta>> {
        let objects = self.objects.lock().unwrap();
        let found = objects.iter().filter(|(location, _)| location.starts_with(prefix.unwrap_or_default()));
        let found = found.map(|(location, bytes)| Ok(Meta { location: location.clone(), size: bytes.len() }));
        stream::iter(found.collect::<Vec<_>>()).boxed()
    }
}

#[tokio::test]
async fn objects_are_cached_behind_any_store() {
    for caches in worlds().await {
        let table = Arc::new(Table::default());
        let stores = decorated(&caches, |cache| -> Arc<dyn ObjectStore> {
            let behind: Arc<dyn ObjectStore> = table.clone();
            Arc::new(CachingObjects::new(behind, cache))
        });
        let stores = stores.await;
        let (one, other) = (&stores[0], &stores[caches.len() - 1]);
        assert_eq!(one.to_string(), "objects in memory");

        one.put("a", b"abcd".to_vec()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(one.head("a").await.unwrap().size, 4);
            assert_eq!(one.get_ranges("a", &[(0, 1), (2, 4)]).await.unwrap(), [b"a".to_vec(), b"cd".to_vec()]);
        }
        assert_eq!(table.reads.count(), 3, "the head and both ranges once");

        // Not listed by the mirror: the body runs over the decorator, and its write invalidates.
        assert!(one.head("b").await.is_err());
        assert_eq!(one.copy_if_absent("a", "b").await, Ok(true));
        assert_eq!(one.head("b").await.unwrap().size, 4);

        other.put("a", b"xyz".to_vec()).await.unwrap();
        assert_eq!(one.get_range("a", (0, 1)).await.unwrap(), b"x");
        assert_eq!(one.list(Some("a")).collect::<Vec<_>>().await.len(), 1);
        other.delete("a").await.unwrap();
        assert!(one.head("a").await.is_err());
    }
}
