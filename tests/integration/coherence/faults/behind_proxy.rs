//! Instances that reach a real server through a proxy.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::{ChaosRemote, Protection};
use cache_core::{Cache, ReadPolicy};
use cache_tests::{FaultProxy, RedisServer};

use super::super::register::{CachingRegister, Rows};
use super::super::world::Instance;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than a busy machine needs for an answer, and short enough to wait for.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A writer's lock lifetime: longer than a test's steps, short enough to wait for.
pub(super) const LOCK: Duration = Duration::from_secs(6);

/// The tiers that an instance reads from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tiers {
    Both,
    Shared,
}

/// A store, a server, and a proxy in front of the server.
pub(super) struct Behind {
    pub(super) rows: Arc<Rows>,
    pub(super) server: RedisServer,
    pub(super) proxy: FaultProxy,
    without: Option<Protection>,
}

pub(super) fn addr(server: &RedisServer) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, server.port()).into()
}

impl Behind {
    pub(super) fn new(without: Option<Protection>) -> Self {
        let server = RedisServer::start();
        let proxy = FaultProxy::start(addr(&server));
        Self { rows: Arc::default(), server, proxy, without }
    }

    /// An instance on the other side of the proxy.
    pub(super) async fn far(&self, lease: Duration, tiers: Tiers) -> Instance {
        self.instance(&self.proxy.url_like(&self.server.url()), lease, tiers).await
    }

    /// An instance that bypasses the proxy.
    pub(super) async fn near(&self, lease: Duration, tiers: Tiers) -> Instance {
        self.instance(&self.server.url(), lease, tiers).await
    }

    async fn instance(&self, url: &str, lease: Duration, tiers: Tiers) -> Instance {
        connected(url, &self.rows, self.without, lease, tiers).await
    }
}

pub(super) async fn connected(
    url: &str,
    rows: &Arc<Rows>,
    without: Option<Protection>,
    lease: Duration,
    tiers: Tiers,
) -> Instance {
    let chaos = ChaosRemote::redis(url);
    let builder = Cache::builder()
        .lease(lease)
        .recovery_barrier(lease)
        .write_lock_ttl(LOCK)
        .read_timeout(TIMEOUT)
        .write_timeout(TIMEOUT);
    // Degraded reads have tests of their own.
    let builder = builder.degraded_ttl(Duration::ZERO).without(without);
    let cache = builder.remote(chaos.clone()).build().unwrap();
    let store = CachingRegister::builder(Arc::clone(rows), &cache);
    let store = Arc::new(match tiers {
        Tiers::Both => store.build(),
        Tiers::Shared => store.get(ReadPolicy::local_off).build(),
    });
    assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
    Instance { cache, chaos, store }
}

/// Waits until the connection is lost, and then until it is restored.
pub(super) async fn is_back(instance: &Instance) {
    is_lost(instance).await;
    assert!(instance.cache.connected(PATIENCE).await, "{:?}", instance.cache.health().await);
}

/// Waits until the shared tier is no longer in use.
pub(super) async fn is_lost(instance: &Instance) {
    health(instance, "the connection is lost", |health| !health.shared).await;
}

/// Waits until health satisfies `reached`.
pub(super) async fn health(instance: &Instance, what: &str, reached: impl Fn(&cache_core::Health) -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let health = instance.cache.health().await;
        if reached(&health) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "this did not happen: {what}: {health}");
        tokio::task::yield_now().await;
    }
}
