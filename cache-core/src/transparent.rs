//! A cache for ad-hoc values.

use std::time::Duration;

use crate::cache::Cache;
use crate::engine::{LocalRead, Region};
use crate::error::Error;
use crate::ownership::{Kind, Namespace};
use crate::policy::ReadPolicy;
use crate::protocol::Backend;
use crate::value::Cacheable;

/// Values under text keys, shared between instances, with no store behind them.
///
/// It is a cache and not a database. Any value may disappear at any time, and when two instances set a key at the same
/// moment, the next read may find neither. A read never returns a value that was replaced or deleted before the read
/// began, except from the local tier, and there for at most the lease.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::time::Duration;
/// use cache_core::Cache;
///
/// let sessions = Cache::single_instance().transparent::<String>("demo:web", "session");
/// sessions.set("42", "Ada".into(), Duration::from_secs(60)).await;
/// assert_eq!(sessions.get("42").await.as_deref(), Some("Ada"));
/// sessions.del("42").await;
/// assert_eq!(sessions.get("42").await, None);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TransparentCache<T> {
    cache: Cache,
    region: Region<String, T>,
}

impl<T: Cacheable> TransparentCache<T> {
    /// Returns the value, or `None` if there is none or the shared tier is unreachable.
    pub async fn get(&self, key: &str) -> Option<T> {
        match self.region.local(&key) {
            LocalRead::Fresh(value) => Some(value),
            LocalRead::Revisit(value) => Some(*value),
            LocalRead::Miss => self.region.look_for(&key.to_owned()).await,
        }
    }

    /// Sets a value for this long, at most ten years.
    ///
    /// While the shared tier is unreachable, the value is lost. With a time of zero the previous value is only deleted;
    /// with less than a millisecond the shared tier does not keep the value.
    pub async fn set(&self, key: &str, value: T, ttl: Duration) {
        self.region.put(key.to_owned(), value, ttl).await;
    }

    /// Deletes a value, on every instance.
    pub async fn del(&self, key: &str) {
        self.region.invalidate(self.region.scope(&key)).await;
    }

    /// Returns the tiers of the cache.
    pub fn backend(&self) -> Backend {
        self.cache.backend()
    }
}

impl Cache {
    /// Creates a cache for ad-hoc values under text keys, shared between instances.
    ///
    /// # Panics
    ///
    /// If a decorator, a region or a `TransparentCache` of another type already uses these keys in this cache.
    /// [`try_transparent`](Self::try_transparent) returns an error instead.
    #[track_caller]
    pub fn transparent<T>(&self, namespace: impl Into<Namespace>, entity: &'static str) -> TransparentCache<T>
    where
        T: Cacheable,
    {
        crate::error::built(self.try_transparent(namespace, entity))
    }

    /// Like [`transparent`](Self::transparent), but returns an error if the keys are in use.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if a decorator, a region or a `TransparentCache` of another type already
    /// uses these keys in this cache.
    pub fn try_transparent<T>(
        &self,
        namespace: impl Into<Namespace>,
        entity: &'static str,
    ) -> Result<TransparentCache<T>, Error>
    where
        T: Cacheable,
    {
        // Each value has its own time to live.
        let policy = ReadPolicy::new(Duration::MAX).jitter_percent(0);
        let region = Region::without_decorator(self, Kind::Transparent, namespace.into(), entity, policy)?;
        Ok(TransparentCache { cache: self.clone(), region })
    }
}
