//! Instances that share a store and a shared tier.

use std::collections::BTreeMap;
use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_core::testing::{ChaosRemote, ManualClock, Weakness};
use cache_core::{Cache, Health, MemoryRemote, MethodStats, Mode};
use cache_tests::RedisServer;

use super::register::{CachingRegister, Rows};

/// The shared tier of a world.
pub(super) enum Tier {
    Memory(MemoryRemote, ManualClock),
    Redis(RedisServer),
}

/// A store, a shared tier, and the protection that its instances lack.
pub(super) struct World {
    pub(super) rows: Arc<Rows>,
    pub(super) tier: Tier,
    weakness: Weakness,
}

/// One instance of the service.
pub(super) struct Instance {
    pub(super) cache: Cache,
    pub(super) chaos: ChaosRemote,
    pub(super) store: Arc<CachingRegister<Rows>>,
}

/// How long a writer's lock lives here. Long enough for a slow machine, short enough to be waited for.
pub(super) const LOCK: Duration = Duration::from_secs(2);
/// How long the local tier is trusted here: no test but those of the lease itself is about its end.
const LEASE: Duration = Duration::from_mins(2);

impl World {
    pub(super) fn memory(weakness: Weakness) -> Self {
        let clock = ManualClock::new();
        let remote = MemoryRemote::with_clock(clock.clone());
        Self { rows: Arc::default(), tier: Tier::Memory(remote, clock), weakness }
    }

    pub(super) fn redis(weakness: Weakness) -> Self {
        Self { rows: Arc::default(), tier: Tier::Redis(RedisServer::start()), weakness }
    }

    /// One world of each kind.
    pub(super) fn each(weakness: Weakness) -> [Self; 2] {
        [Self::memory(weakness), Self::redis(weakness)]
    }

    pub(super) async fn instance(&self) -> Instance {
        self.instance_with_lease(LEASE).await
    }

    pub(super) async fn instance_with_lease(&self, lease: Duration) -> Instance {
        let patience = Duration::from_secs(20);
        let mut builder = Cache::builder().lease(lease).lock(LOCK).read_timeout(patience).write_timeout(patience);
        let chaos = match &self.tier {
            Tier::Memory(remote, clock) => {
                builder = builder.clock(clock.clone());
                ChaosRemote::new(remote.clone())
            }
            Tier::Redis(server) => ChaosRemote::redis(&server.url()),
        };
        let cache = builder.weaken(self.weakness).remote(chaos.clone()).build().unwrap();
        let store = Arc::new(CachingRegister::new(Arc::clone(&self.rows), &cache));
        assert!(cache.connected(patience).await, "the shared tier of a test does not connect");
        Instance { cache, chaos, store }
    }
}

impl Instance {
    /// The same instance with a store whose reads of one are in this mode. Its local tier is a new one.
    pub(super) fn in_mode(mut self, mode: Mode) -> Self {
        let rows = Arc::clone(self.store.backing());
        self.store = Arc::new(CachingRegister::builder(rows, &self.cache).get(|policy| policy.mode(mode)).build());
        self
    }

    /// A read, by a task of its own.
    pub(super) fn spawn_get(&self, key: u64) -> tokio::task::JoinHandle<Option<u64>> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.get(key).await.unwrap() })
    }

    /// A read of many keys, by a task of its own.
    pub(super) fn spawn_get_many(&self, keys: &[u64]) -> tokio::task::JoinHandle<BTreeMap<u64, u64>> {
        let (store, keys) = (Arc::clone(&self.store), keys.to_vec());
        tokio::spawn(async move { store.get_many(&keys).await.unwrap() })
    }

    /// A write, by a task of its own.
    pub(super) fn spawn_set(&self, key: u64, value: u64) -> tokio::task::JoinHandle<()> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.set(key, value).await.unwrap() })
    }

    pub(super) async fn get(&self, key: u64) -> Option<u64> {
        self.store.get(key).await.unwrap()
    }

    pub(super) async fn set(&self, key: u64, value: u64) {
        self.store.set(key, value).await.unwrap();
    }

    /// Health asks nobody and is there at once.
    pub(super) fn health(&self) -> Health {
        let health = std::pin::pin!(self.cache.health());
        match health.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(health) => health,
            Poll::Pending => unreachable!("health waits for nothing"),
        }
    }

    pub(super) fn stats(&self) -> MethodStats {
        self.cache.stats().method("Register", "get")
    }
}
