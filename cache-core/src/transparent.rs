//! A cache for ad-hoc values: sessions, rate limits, computed pages.
//!
//! There is no store behind it, so there is nothing to load from. `set` invalidates the key and then stores the value
//! under the generation that its own invalidation created. If another `set` or `del` came in between, the generation is
//! another one and the value is not stored: readers find nothing instead of the older of two values.
//!
//! It deliberately has no list of keys, no atomic counters and no compare-and-swap: it is a cache and no database.

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
/// Cheap to clone. [`Cache::transparent`] creates it. It has a local tier of 10,000 entries and the codec
/// `MessagePack`.
///
/// # Examples
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
    ///
    /// A local hit takes no round trip, any other read takes one, for at most
    /// [`read_timeout`](crate::CacheBuilder::read_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let pages = cache_core::Cache::single_instance().transparent::<String>("demo:web", "page");
    /// let page = pages.get("/").await.unwrap_or_else(|| "computed".to_owned());
    /// # assert_eq!(page, "computed");
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on the value.
    pub async fn get(&self, key: &str) -> Option<T> {
        match self.region.local(&key) {
            LocalRead::Fresh(value) => Some(value),
            LocalRead::Revisit(hit) => Some(hit.value),
            LocalRead::Miss => self.region.look_for(&key.to_owned()).await,
        }
    }

    /// Sets a value for this long, at most ten years.
    ///
    /// While the shared tier is unreachable, the value is lost. With a time of zero the previous value is only deleted;
    /// with less than a millisecond the shared tier does not keep the value.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use cache_core::Cache;
    ///
    /// let attempts = Cache::single_instance().transparent::<u32>("demo:login", "attempts");
    /// let count = attempts.get("ada").await.unwrap_or(0) + 1; // not atomic: concurrent calls may count once
    /// attempts.set("ada", count, Duration::from_secs(300)).await;
    /// # assert_eq!(attempts.get("ada").await, Some(1));
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the previous value may be deleted already, and the new one may be absent.
    pub async fn set(&self, key: &str, value: T, ttl: Duration) {
        self.region.put(key.to_owned(), value, ttl).await;
    }

    /// Deletes a value, on every instance.
    ///
    /// A read that starts after this returns, and that the shared tier answers, does not find it. Local tiers of other
    /// instances follow with the message, at most one lease later. While the shared tier is unreachable, the deletion
    /// is journaled and delivered on reconnection.
    ///
    /// # Cancellation
    ///
    /// Once polled, the deletion completes even if the future is dropped.
    pub async fn del(&self, key: &str) {
        self.region.invalidate(self.region.scope(&key)).await;
    }

    /// Returns the tiers of the cache. In a pass-through every value is lost at once.
    pub fn backend(&self) -> Backend {
        self.cache.backend()
    }
}

impl Cache {
    /// Creates a cache for ad-hoc values under text keys, shared between instances.
    ///
    /// `namespace` and `entity` become the beginning of every key, and must be the same on all instances. Each
    /// combination holds one type of values: use another entity for another type.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cache = cache_core::Cache::single_instance();
    /// let carts = cache.transparent::<Vec<u64>>("shop", "cart");
    /// let prices = cache.transparent::<u64>("shop", "price");
    /// # let _ = (carts, prices);
    /// # }
    /// ```
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
    /// # Examples
    ///
    /// ```
    /// let cache = cache_core::Cache::single_instance();
    /// let carts = cache.try_transparent::<Vec<u64>>("shop", "cart")?;
    /// assert!(cache.try_transparent::<String>("shop", "cart").is_err()); // another type
    /// # drop(carts);
    /// # Ok::<(), cache_core::Error>(())
    /// ```
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
