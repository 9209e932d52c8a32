//! `cfg`, documentation and lint levels on methods and on the trait.

use std::sync::Arc;

use cache_core::{Cache, cached_store};

use super::support::{Calls, Failed};

/// A store with some methods excluded by `cfg`.
#[cached_store(namespace = "test:attributes")]
#[cfg(test)]
#[async_trait::async_trait]
#[allow(clippy::type_complexity, reason = "the test wants an attribute here")]
pub(super) trait Store: Send + Sync {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// Never.
    #[cached(entity = "here", key(id), ttl = "5m")]
    async fn here(&self, id: u64) -> Result<usize, Failed>;

    /// Reads one in this configuration.
    #[cfg(not(test))]
    #[cached(entity = "removed", key(id, what), ttl = NOT_THERE)]
    async fn removed(&self, id: u64, what: NotThere) -> Result<NotThere, Failed>;

    #[cfg(not(test))]
    #[cached(entity = "twice", key(id), ttl = "5m")]
    async fn twice(&self, id: NotThere) -> Result<usize, Failed>;

    #[cfg(test)]
    #[cached(entity = "twice", key(id), ttl = "5m")]
    async fn twice(&self, id: u64) -> Result<usize, Failed>;

    #[invalidates(here(id), removed(..))]
    async fn write(&self, id: u64) -> Result<(), Failed>;

    #[invalidates(removed(..))]
    async fn write_removed(&self) -> Result<(), Failed>;

    #[cfg(not(test))]
    #[invalidates(here(id.0))]
    async fn removed_too(&self, id: NotThere) -> Result<(), Failed>;

    #[deprecated = "for the test"]
    #[uncached]
    async fn old(&self) -> Result<(), Failed>;

    #[expect(clippy::too_many_arguments, reason = "for the test")]
    #[cached(entity = "many", key(a, b, c, d, e, f, g, h), ttl = "5m")]
    async fn many(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> Result<usize, Failed>;

    #[cfg(not(test))]
    fn sync_removed(&self) -> NotThere;
}

#[derive(Default)]
struct Counted(Calls);

#[async_trait::async_trait]
impl Store for Counted {
    async fn here(&self, _: u64) -> Result<usize, Failed> {
        Ok(self.0.add())
    }
    async fn twice(&self, _: u64) -> Result<usize, Failed> {
        Ok(self.0.add())
    }
    async fn write(&self, _: u64) -> Result<(), Failed> {
        Ok(())
    }
    async fn write_removed(&self) -> Result<(), Failed> {
        Ok(())
    }
    async fn old(&self) -> Result<(), Failed> {
        Ok(())
    }
    async fn many(&self, _: u8, _: u8, _: u8, _: u8, _: u8, _: u8, _: u8, _: u8) -> Result<usize, Failed> {
        Ok(self.0.add())
    }
}

#[tokio::test]
async fn a_method_removed_by_cfg_leaves_no_code() {
    let caching = CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance());
    assert_eq!(caching.here(1).await.unwrap(), 1);
    caching.write(1).await.unwrap();
    caching.write_removed().await.unwrap();
    assert_eq!(Store::here(&caching, 1).await.unwrap(), 2);
    assert_eq!(caching.twice(1).await.unwrap(), 3);
    assert_eq!(caching.many(1, 2, 3, 4, 5, 6, 7, 8).await.unwrap(), 4);
    assert_eq!(Store::many(&caching, 1, 2, 3, 4, 5, 6, 7, 8).await.unwrap(), 4);
    #[expect(deprecated, reason = "the twin of a deprecated method is deprecated too")]
    caching.old().await.unwrap();
}
