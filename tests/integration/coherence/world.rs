//! Instances that share a store and a shared tier.

use std::collections::BTreeMap;
use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_core::testing::{ChaosRemote, ManualClock, Operation, Protection, TokenNumbers};
use cache_core::{Cache, CacheBuilder, Health, MemoryRemote, MethodStats, Mode};
use cache_tests::{PooledCluster, RedisServer, RestServer};

use super::kinds::{self, Encrypted, Servers, Watched, without_resp3};
use super::register::{CachingRegister, Rows};
use super::sync_points::until;

/// The shared tier of a world.
pub(super) enum Tier {
    Memory(MemoryRemote, ManualClock),
    Redis(RedisServer),
    /// More than one server, or another way to them.
    Other(Arc<dyn Servers>),
}

impl Tier {
    /// The Redis, if it is one.
    pub(super) fn servers(&self) -> Option<&dyn Servers> {
        match self {
            Self::Memory(..) => None,
            Self::Redis(server) => Some(server),
            Self::Other(servers) => Some(&**servers),
        }
    }

    /// Removes everything.
    pub(super) fn flush(&self) {
        match self {
            Self::Memory(remote, _) => remote.flush_all(),
            Self::Redis(server) => drop(server.raw(&["FLUSHALL"]).unwrap()),
            Self::Other(servers) => drop(servers.raw(&["FLUSHALL"]).unwrap()),
        }
    }

    /// Removes keys, unless it is in memory.
    pub(super) fn delete(&self, keys: &[&str]) {
        if let Some(servers) = self.servers() {
            servers.raw(&[&["DEL"], keys].concat()).unwrap();
        }
    }
}

/// A store, a shared tier, and the protection that is disabled in its instances.
pub(super) struct World {
    pub(super) rows: Arc<Rows>,
    pub(super) tier: Tier,
    without: Option<Protection>,
    /// The source of numbers that replace random generations, if any.
    numbers: Option<TokenNumbers>,
}

/// One instance of the service.
pub(super) struct Instance {
    pub(super) cache: Cache,
    pub(super) chaos: ChaosRemote,
    pub(super) store: Arc<CachingRegister<Rows>>,
}

/// The lifetime of a writer's lock. Long enough for a slow machine, short enough to wait for.
pub(super) const LOCK: Duration = Duration::from_secs(2);
/// The lease: only tests of the lease itself outlast it.
const LEASE: Duration = Duration::from_mins(2);

impl World {
    pub(super) fn memory(without: Option<Protection>) -> Self {
        let clock = ManualClock::new();
        let remote = MemoryRemote::with_clock(clock.clone());
        Self { rows: Arc::default(), tier: Tier::Memory(remote, clock), without, numbers: None }
    }

    pub(super) fn redis(without: Option<Protection>) -> Self {
        Self::on_redis(RedisServer::start(), without)
    }

    pub(super) fn on_redis(server: RedisServer, without: Option<Protection>) -> Self {
        Self { rows: Arc::default(), tier: Tier::Redis(server), without, numbers: None }
    }

    pub(super) fn sentinel(without: Option<Protection>) -> Self {
        Self::on_servers(Arc::new(Watched::start()), without)
    }

    pub(super) fn on_servers(servers: Arc<dyn Servers>, without: Option<Protection>) -> Self {
        let tier = Tier::Other(servers);
        Self { rows: Arc::default(), tier, without, numbers: None }
    }

    /// The same world with a counter instead of random generations.
    pub(super) fn with_numbers(self) -> Self {
        Self { numbers: Some(TokenNumbers::default()), ..self }
    }

    /// One world of each kind.
    pub(super) fn each(without: Option<Protection>) -> [Self; 7] {
        let servers: [(&str, Arc<dyn Servers>); 4] = [
            ("Redis, TLS", Arc::new(Encrypted::start())),
            ("Redis Sentinel", Arc::new(Watched::start())),
            ("Redis Cluster", Arc::new(PooledCluster::take())),
            ("Redis over HTTP", Arc::new(RestServer::start())),
        ];
        let servers = servers.map(|(kind, servers)| {
            kinds::count(kind);
            Self::on_servers(servers, without)
        });
        let [tls, sentinel, cluster, rest] = servers;
        ["in memory", "Redis, RESP3", "Redis, RESP2"].into_iter().for_each(kinds::count);
        let resp2 = Self::on_redis(without_resp3(), without);
        [Self::memory(without), Self::redis(without), resp2, tls, sentinel, cluster, rest]
    }

    pub(super) async fn instance(&self) -> Instance {
        self.instance_with_lease(LEASE).await
    }

    pub(super) async fn instance_with_lease(&self, lease: Duration) -> Instance {
        match &self.tier {
            Tier::Memory(_, clock) => self.build(Cache::builder().lease(lease).clock(clock.clone())).await,
            Tier::Redis(_) | Tier::Other(_) => self.build(Cache::builder().lease(lease)).await,
        }
    }

    /// An instance with this lifetime of locks and registrations.
    pub(super) async fn instance_with_lock(&self, lock: Duration) -> Instance {
        match &self.tier {
            Tier::Memory(_, clock) => self.locking(lock, Cache::builder().lease(LEASE).clock(clock.clone())).await,
            Tier::Redis(_) | Tier::Other(_) => self.locking(lock, Cache::builder().lease(LEASE)).await,
        }
    }

    /// An instance with a clock of its own.
    pub(super) async fn instance_at(&self, clock: &ManualClock) -> Instance {
        self.build(Cache::builder().lease(LEASE).clock(clock.clone())).await
    }

    async fn build(&self, builder: CacheBuilder) -> Instance {
        self.locking(LOCK, builder).await
    }

    async fn locking(&self, lock: Duration, builder: CacheBuilder) -> Instance {
        let patience = Duration::from_secs(20);
        let builder = builder.write_lock_ttl(lock).read_timeout(patience).write_timeout(patience);
        let chaos = match &self.tier {
            Tier::Memory(remote, _) => ChaosRemote::new(remote.clone()),
            Tier::Redis(server) => ChaosRemote::redis(&server.url()),
            Tier::Other(servers) => ChaosRemote::redis_trusting(&servers.url(), servers.root()),
        };
        if let Some(numbers) = &self.numbers {
            chaos.number_tokens(numbers);
        }
        let cache = builder.without(self.without).remote(chaos.clone()).build().unwrap();
        let store = Arc::new(CachingRegister::new(Arc::clone(&self.rows), &cache));
        assert!(cache.connected(patience).await, "the shared tier of a test does not connect");
        Instance { cache, chaos, store }
    }
}

impl World {
    /// Waits until every lock has expired.
    pub(super) async fn locks_expire(&self) {
        match &self.tier {
            Tier::Memory(_, clock) => clock.advance(LOCK),
            Tier::Redis(server) => until("the locks expire", || !has_locks(server)).await,
            Tier::Other(servers) => until("the locks expire", || !has_locks(&**servers)).await,
        }
    }

    /// Evicts the generations and locks of the first key.
    pub(super) fn evict_scopes(&self) {
        if let Tier::Memory(remote, _) = &self.tier {
            remote.evict_scopes();
        }
        self.tier.delete(&["g:{race:test:register:1}", "g:{race:test:register:*}"]);
    }

    /// Awaits `work` while a manual clock advances.
    pub(super) async fn passing_time<T>(&self, work: impl Future<Output = T>) -> T {
        let Tier::Memory(_, clock) = &self.tier else { return work.await };
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::task::yield_now() => clock.advance(Duration::from_millis(20)),
            }
        }
    }

    /// Waits for two more heartbeats of `instance`, whose lease this is.
    ///
    /// With the second one, everything that waited for the first has been delivered.
    pub(super) async fn two_heartbeats(&self, instance: &Instance, lease: Duration) {
        for _ in 0..2 {
            let begun = instance.chaos.begun(Operation::Heartbeat);
            let sent = || {
                if let Tier::Memory(_, clock) = &self.tier {
                    clock.advance(lease / 100);
                }
                instance.chaos.begun(Operation::Heartbeat) > begun
            };
            until("a heartbeat is sent", sent).await;
        }
    }
}

/// Whether a writer holds a lock on any scope.
pub(super) fn has_locks(server: &dyn Servers) -> bool {
    let scopes = server.raw(&["KEYS", "g:*"]).unwrap();
    let mut generations = scopes.lines().filter(|key| key.ends_with('}'));
    generations.any(|scope| server.raw(&["GET", scope]).unwrap().starts_with('L'))
}

impl Instance {
    /// The same instance with single-key reads in this mode, and a new local tier.
    pub(super) fn in_mode(mut self, mode: Mode) -> Self {
        let rows = Arc::clone(self.store.backing());
        self.store = Arc::new(CachingRegister::builder(rows, &self.cache).get(|policy| policy.mode(mode)).build());
        self
    }

    /// Reads in a separate task.
    pub(super) fn spawn_get(&self, key: u64) -> tokio::task::JoinHandle<Option<u64>> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.get(key).await.unwrap() })
    }

    /// Reads many keys in a separate task.
    pub(super) fn spawn_get_many(&self, keys: &[u64]) -> tokio::task::JoinHandle<BTreeMap<u64, u64>> {
        let (store, keys) = (Arc::clone(&self.store), keys.to_vec());
        tokio::spawn(async move { store.get_many(&keys).await.unwrap() })
    }

    /// Writes in a separate task.
    pub(super) fn spawn_set(&self, key: u64, value: u64) -> tokio::task::JoinHandle<()> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.set(key, value).await.unwrap() })
    }

    /// Writes and stores the value in a separate task.
    pub(super) fn spawn_put(&self, key: u64, value: u64) -> tokio::task::JoinHandle<()> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            store.put(key, value).await.unwrap();
        })
    }

    pub(super) async fn get(&self, key: u64) -> Option<u64> {
        self.store.get(key).await.unwrap()
    }

    pub(super) async fn set(&self, key: u64, value: u64) {
        self.store.set(key, value).await.unwrap();
    }

    /// Health, which is available without waiting.
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
