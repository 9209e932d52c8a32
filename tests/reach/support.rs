//! The caches that the tests run over, and what their stores share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_core::{Backend, Cache, CacheBuilder, MemoryRemote};

/// Counts calls of a store.
#[derive(Debug, Default)]
pub(crate) struct Calls(AtomicUsize);

impl Calls {
    /// Counts one call, and returns its number.
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The calls so far.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Two instances on one shared tier in memory, connected.
pub(crate) async fn two_instances() -> [Cache; 2] {
    let remote = MemoryRemote::new();
    let instance = || connected(Cache::builder().remote(remote.clone()));
    [instance().await, instance().await]
}

/// A cache whose shared tier is in memory, connected.
pub(crate) async fn connected(builder: CacheBuilder) -> Cache {
    let cache = builder.build().expect("a cache in memory");
    assert!(cache.connected(Duration::from_secs(10)).await, "a shared tier in memory connects");
    cache
}

/// Waits until a condition holds, which the messages of the bus bring about.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "in vain: {what}");
        tokio::task::yield_now().await;
    }
}

/// Waits until the local tier of a cache is in use again, after a store was built over it.
pub(crate) async fn settled(cache: &Cache) {
    let is_settled = cache.connected(Duration::from_secs(10)).await;
    assert!(is_settled || cache.backend() == Backend::SingleInstance, "a shared tier in memory connects");
}

/// The caches of two instances, and that of a single one.
pub(crate) async fn worlds() -> [Vec<Cache>; 2] {
    [two_instances().await.into(), vec![Cache::single_instance()]]
}

/// Builds a decorator over each cache, and waits until every local tier is in use again.
pub(crate) async fn decorated<D>(caches: &[Cache], decorate: impl Fn(&Cache) -> D) -> Vec<D> {
    let decorators = caches.iter().map(decorate).collect();
    for cache in caches {
        let is_connected = cache.connected(Duration::from_secs(10)).await;
        assert!(is_connected || cache.backend() == Backend::SingleInstance, "a shared tier in memory connects");
    }
    decorators
}
