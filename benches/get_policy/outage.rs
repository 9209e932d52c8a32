//! The cost of a read during a Redis outage, beside the bare read of the store.
//!
//! Redis is killed, so that the connection is lost, or frozen (SIGSTOP), so that the connection remains and does not
//! answer. The local tier keeps nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_benches::Pinned;
use cache_benches::contenders::TTL;
use cache_benches::rounds::percentile_99;
use cache_core::Cache;
use cache_tests::RedisServer;
use stores::TenantId;
use stores::policy::{CachingPolicyStore, PolicyStore, PostgresPolicyStore};

use super::facts::{self, Facts};
use super::{HERE, THERE, miss, servers};

const GROUP: &str = "Redis down";

/// The number of outages of each kind, each with a new cache.
///
/// Only a few reads of each happen before the breaker opens.
const EPISODES: usize = 20;
/// The turns of the cache and of the bare store after the breaker has opened.
const TURNS: usize = 10;
const READS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
enum Outage {
    Stopped,
    Frozen,
}

impl Outage {
    fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Frozen => "frozen",
        }
    }

    fn begin(self, redis: &mut RedisServer) {
        match self {
            Self::Stopped => redis.kill(),
            Self::Frozen => redis.pause(),
        }
    }

    fn end(self, redis: &mut RedisServer) {
        match self {
            Self::Stopped => redis.restart(),
            Self::Frozen => redis.resume(),
        }
    }
}

/// The time of each read.
#[derive(Debug, Default)]
struct Times {
    /// Through the cache, until the circuit opened.
    before: Vec<Duration>,
    /// Through the cache, after that.
    after: Vec<Duration>,
    bare: Vec<Duration>,
}

pub(crate) fn measure() {
    if !facts::is_wanted(GROUP) {
        return;
    }
    let Some(mut facts) = Facts::of(GROUP) else { return };
    let Some(postgres) = servers::postgres(THERE, GROUP) else { return };
    let Some(mut redis) = servers::redis(THERE, GROUP) else { return };
    let _pinned = Pinned::to(HERE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (bare, order) = runtime.block_on(miss::filled_store(&postgres));
    let bare = Arc::new(bare);
    for outage in [Outage::Stopped, Outage::Frozen] {
        let mut times = Times::default();
        for _ in 0..EPISODES {
            let reader = runtime.block_on(Reader::connect(&bare, &order, &redis));
            outage.begin(&mut redis);
            // In a task, as in a service.
            let episode = runtime.spawn(reader.read(std::mem::take(&mut times)));
            times = runtime.block_on(episode).expect("a read does not panic");
            outage.end(&mut redis);
        }
        add(&mut facts, outage.name(), times);
    }
    facts.write();
}

fn add(facts: &mut Facts, outage: &str, times: Times) {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
    let noticed_after = times.before.len() as f64 / EPISODES as f64;
    let [before, after, bare] = [times.before, times.after, times.bare].map(|times| percentile_99(times).as_secs_f64());
    facts.add(format!("{outage}: reads until the cache has detected it"), noticed_after);
    facts.add(format!("{outage}: p99 until then, added to the bare store, milliseconds"), (before - bare) * 1e3);
    facts.add(format!("{outage}: p99 from then on / bare store"), after / bare);
    facts.add(format!("{outage}: p99 of the bare store, microseconds"), bare * 1e6);
}

/// A decorator over the store, connected to Redis, and the store itself.
struct Reader {
    order: Arc<[TenantId]>,
    bare: Arc<PostgresPolicyStore>,
    store: CachingPolicyStore<PostgresPolicyStore>,
    cache: Cache,
}

impl Reader {
    async fn connect(bare: &Arc<PostgresPolicyStore>, order: &Arc<[TenantId]>, redis: &RedisServer) -> Self {
        let cache = Cache::builder().redis(redis.admin_url()).build().expect("an address that parses");
        let store = CachingPolicyStore::builder(Arc::clone(bare), &cache)
            .get_policy(|annotated| annotated.ttl(TTL).local_off())
            .build();
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        Self { order: Arc::clone(order), bare: Arc::clone(bare), store, cache }
    }

    async fn read(self, mut times: Times) -> Times {
        let mut tenants = self.order.iter().copied().cycle();
        let mut tenant = || tenants.next().expect("a circle has no end");
        while self.cache.health().await.shared {
            times.before.push(timed(&self.store, tenant()).await);
        }
        for _ in 0..TURNS {
            for _ in 0..READS {
                times.after.push(timed(&self.store, tenant()).await);
            }
            for _ in 0..READS {
                times.bare.push(timed(&*self.bare, tenant()).await);
            }
        }
        assert!(!self.cache.health().await.shared, "the shared tier is down");
        self.cache.shutdown().await;
        times
    }
}

async fn timed(store: &dyn PolicyStore, tenant: TenantId) -> Duration {
    let start = Instant::now();
    assert!(store.get_policy(tenant).await.expect("no error of Redis reaches a caller").is_some());
    start.elapsed()
}
