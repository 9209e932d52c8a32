//! Warming: reads of many keys before any caller asks for them.
//!
//! Each key is an ordinary read, with its flight, its fence and its limits. So a write during the warming wins as it
//! does over any other load, and a caller that needs a key meanwhile joins its load.

use std::fmt;
use std::future::IntoFuture;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::region::Region;
use crate::key::KeyPart;
use crate::protocol::Backend;
use crate::value::Cacheable;

/// The number of keys that were warmed, by what was done for them.
///
/// # Examples
///
/// ```
/// let warmed = cache_core::Warmed { cached: 2, loaded: 5, failed: 1 };
/// assert_eq!(warmed.total(), 8);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Warmed {
    /// Keys that one of the tiers had. Those of the shared tier are in the local tier now.
    pub cached: u64,
    /// Keys that were read from the store.
    pub loaded: u64,
    /// Keys whose read returned an error. The next read of such a key asks the store again.
    pub failed: u64,
}

impl Warmed {
    /// Returns the number of keys that are done: the position of a progress bar.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.cached + self.loaded + self.failed
    }

    fn add(&mut self, warmth: Warmth) {
        *match warmth {
            Warmth::Cached => &mut self.cached,
            Warmth::Loaded => &mut self.loaded,
            Warmth::Failed => &mut self.failed,
        } += 1;
    }
}

/// The outcome for one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmth {
    /// A tier had it.
    Cached,
    /// The store was called.
    Loaded,
    /// The read returned an error.
    Failed,
}

impl Warmth {
    /// The outcome of a read that no tier could answer.
    #[must_use]
    pub fn of_read(is_ok: bool) -> Self {
        if is_ok { Self::Loaded } else { Self::Failed }
    }
}

/// The warming of read methods, as `warm_…` and `warm_from` of a decorator return it.
///
/// Await it for the summary, or call [`next`](Self::next) for the progress after each key. It does nothing until then,
/// and takes keys from the iterator only as it needs them.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use cache_core::{Cache, Warmed, cached_store};
///
/// #[cached_store(namespace = "demo")]
/// trait SquareStore: Send + Sync {
///     #[cached(entity = "square", key(n), ttl = "1h")]
///     async fn square(&self, n: u64) -> Result<u64, cache_core::Error>;
/// }
///
/// struct Arithmetic;
///
/// impl SquareStore for Arithmetic {
///     async fn square(&self, n: u64) -> Result<u64, cache_core::Error> {
///         Ok(n * n)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let squares = CachingSquareStore::new(Arc::new(Arithmetic), &Cache::single_instance());
/// let mut warming = squares.warm_square(0..100, 16);
/// while let Some(progress) = warming.next().await {
///     println!("{} of 100", progress.total());
/// }
/// assert_eq!(warming.progress(), Warmed { cached: 0, loaded: 100, failed: 0 });
/// assert_eq!(squares.warm_square(0..200, 16).await, Warmed { cached: 100, loaded: 100, failed: 0 });
/// # }
/// ```
///
/// # Cancellation
///
/// If it is dropped, it begins no further key. Loads in progress continue, as those of any read, and are cached. To drop
/// the future of [`next`](Self::next) loses nothing.
#[must_use = "it does nothing before it is awaited"]
pub struct Warming<'a> {
    progress: Warmed,
    keys: BoxStream<'a, Warmth>,
}

impl<'a> Warming<'a> {
    /// Creates the warming of these keys. Nothing is read unless `is_on`.
    #[doc(hidden)]
    pub fn new<T: 'a>(
        is_on: bool,
        keys: impl IntoIterator<Item = T, IntoIter: Send + 'a>,
        concurrency: usize,
        warm: impl Fn(T) -> BoxFuture<'a, Warmth> + Send + 'a,
    ) -> Self {
        let reads = stream::iter(keys.into_iter().take_while(move |_| is_on)).map(move |key| {
            let read = warm(key);
            // Keys that the local tier has are ready at once, and must not keep the other tasks of the thread from running.
            async move {
                tokio::task::consume_budget().await;
                read.await
            }
        });
        Self { progress: Warmed::default(), keys: reads.buffer_unordered(concurrency.max(1)).boxed() }
    }

    /// Joins warmings, one after the other.
    #[doc(hidden)]
    pub fn all<const N: usize>(warmings: [Self; N]) -> Self {
        let keys = stream::iter(warmings.map(|warming| warming.keys)).flatten().boxed();
        Self { progress: Warmed::default(), keys }
    }

    /// Waits for the next key; returns the progress so far, or `None` if all keys are done.
    pub async fn next(&mut self) -> Option<Warmed> {
        let warmth = self.keys.next().await?;
        self.progress.add(warmth);
        Some(self.progress)
    }

    /// Returns the progress so far.
    #[must_use]
    pub fn progress(&self) -> Warmed {
        self.progress
    }
}

impl<'a> IntoFuture for Warming<'a> {
    type Output = Warmed;
    type IntoFuture = BoxFuture<'a, Warmed>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            while self.next().await.is_some() {}
            self.progress
        })
    }
}

impl fmt::Debug for Warming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warming").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Whether there is a tier to warm.
    #[doc(hidden)]
    #[must_use]
    pub fn can_be_warmed(&self) -> bool {
        self.method().policy.enabled && self.method().cache.backend() != Backend::PassThrough
    }
}
