//! The caches that the tests run over, and what their stores share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_core::{Backend, Cache, CacheBuilder, MemoryRemote};
use cache_tests::RedisServer;

/// The time for which a test waits for something that takes milliseconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A lease that no test outlasts: with a shorter one a busy machine misses heartbeats, and local tiers are not in use.
const LONG_LEASE: Duration = Duration::from_mins(2);

/// The lease of tests with strict writes, which wait for its end.
const SHORT_LEASE: Duration = Duration::from_secs(1);

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

/// The Redis that the tests of this process share. It ends with the process.
///
/// Its user has the rights of a service, for every key and every channel: each world has a key prefix of its own.
fn redis() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = RedisServer::start();
        server.change_rights(&["allkeys", "allchannels"]);
        server
    })
}

/// A builder that takes a busy machine for no outage.
fn patient() -> CacheBuilder {
    Cache::builder().read_timeout(PATIENCE).write_timeout(PATIENCE)
}

/// Two instances on one shared tier in memory, connected.
async fn in_memory(lease: Duration) -> [Cache; 2] {
    let remote = MemoryRemote::new();
    let instance = || connected(patient().lease(lease).remote(remote.clone()));
    [instance().await, instance().await]
}

/// Two instances on the Redis, connected, with keys that no other test has.
async fn on_redis(lease: Duration) -> [Cache; 2] {
    static WORLDS: AtomicUsize = AtomicUsize::new(0);
    let prefix = format!("world-{}", WORLDS.fetch_add(1, Ordering::Relaxed));
    let instance = || connected(patient().lease(lease).redis(redis().url()).key_prefix(&prefix));
    [instance().await, instance().await]
}

/// Two instances on each shared tier, whose local tiers stay in use throughout a test.
pub(crate) async fn two_instances() -> [[Cache; 2]; 2] {
    [in_memory(LONG_LEASE).await, on_redis(LONG_LEASE).await]
}

/// The caches of two instances on each shared tier, and that of a single one, for strict writes.
pub(crate) async fn worlds() -> [Vec<Cache>; 3] {
    let (in_memory, on_redis) = (in_memory(SHORT_LEASE).await, on_redis(SHORT_LEASE).await);
    [in_memory.into(), on_redis.into(), vec![Cache::single_instance()]]
}

/// Two instances on each shared tier, and a single one twice.
pub(crate) async fn writers_and_readers() -> [[Cache; 2]; 3] {
    let [in_memory, on_redis] = two_instances().await;
    let single = Cache::single_instance();
    [in_memory, on_redis, [single.clone(), single]]
}

/// One cache of each world.
pub(crate) async fn each_cache() -> [Cache; 3] {
    writers_and_readers().await.map(|[one, _]| one)
}

/// Waits until the shared tier of a new cache is connected.
pub(crate) async fn connected(builder: CacheBuilder) -> Cache {
    let cache = builder.build().expect("a valid configuration");
    settled(&cache).await;
    cache
}

/// Waits until a condition holds, which the messages of the bus bring about.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "in vain: {what}");
        tokio::task::yield_now().await;
    }
}

/// Waits until the local tier of a cache is in use again, after a store was built over it.
pub(crate) async fn settled(cache: &Cache) {
    let is_settled = cache.connected(PATIENCE).await;
    assert!(is_settled || cache.backend() == Backend::SingleInstance, "the shared tier connects");
}

/// Builds a decorator over each cache, and waits until every local tier is in use again.
pub(crate) async fn decorated<D>(caches: &[Cache], decorate: impl Fn(&Cache) -> D) -> Vec<D> {
    let decorators = caches.iter().map(decorate).collect();
    for cache in caches {
        settled(cache).await;
    }
    decorators
}
