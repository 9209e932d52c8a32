//! The background task continues if an operation does not complete, and no caller waits forever.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::{ChaosRemote, ManualClock, Operation};
use cache_core::{Cache, CacheBuilder, MemoryRemote, ReadPolicy};

use super::register::{CachingRegister, Rows};
use super::sync_points::{ends, pass};

const PATIENCE: Duration = Duration::from_secs(20);

struct Instance {
    cache: Cache,
    store: Arc<CachingRegister<Rows>>,
    chaos: ChaosRemote,
}

impl Instance {
    async fn connected(clock: &ManualClock, set: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Self {
        let chaos = ChaosRemote::new(MemoryRemote::with_clock(clock.clone()));
        let cache = set(Cache::builder().remote(chaos.clone()).clock(clock.clone())).build().unwrap();
        let store = Arc::new(CachingRegister::new(Arc::default(), &cache));
        assert!(cache.connected(PATIENCE).await);
        Self { cache, store, chaos }
    }
}

/// Fails without a time limit for subscriptions: no heartbeat follows, and no write is acknowledged.
#[tokio::test]
async fn an_unanswered_subscription_does_not_block_a_write() {
    let clock = ManualClock::new();
    let Instance { cache, store, chaos } = Instance::connected(&clock, |builder| builder).await;
    chaos.hold(Operation::Subscribe);
    let _other = cache.region::<u64, u64>("another", "value", ReadPolicy::new(PATIENCE));
    for _ in 0..40 {
        pass(&clock, Duration::from_millis(50)).await;
    }
    let writing = Arc::clone(&store);
    assert_eq!(ends(&clock, async move { writing.set(1, 10).await }).await, Ok(()));
    chaos.release(Operation::Subscribe);
    let again = cache.clone();
    assert!(ends(&clock, async move { again.connected(PATIENCE).await }).await);
}

/// As after a firewall has dropped the state of the bus connection.
///
/// Fails if answers to heartbeats alone count as activity: the local tier is not trusted again.
#[tokio::test]
async fn a_silent_bus_is_reconnected() {
    let clock = ManualClock::new();
    let Instance { cache, store, chaos } = Instance::connected(&clock, |builder| builder).await;
    for _ in 0..20 {
        pass(&clock, Duration::from_millis(100)).await;
    }
    assert_eq!(chaos.connections(), 1);
    chaos.lose_bus_until_reconnected();
    let again = {
        let chaos = chaos.clone();
        async move {
            while chaos.connections() == 1 {
                tokio::task::yield_now().await;
            }
        }
    };
    ends(&clock, again).await;
    let connected = cache.clone();
    assert!(ends(&clock, async move { connected.connected(PATIENCE).await }).await);
    store.get(1).await.unwrap();
    let before = cache.stats().total().local_hits;
    store.get(1).await.unwrap();
    assert_eq!(cache.stats().total().local_hits, before + 1, "the local tier is trusted again");
}

/// A bus that never worked is not reconnected, since that would not help.
#[tokio::test]
async fn a_bus_that_never_delivered_a_message_is_not_reconnected() {
    let clock = ManualClock::new();
    let chaos = ChaosRemote::new(MemoryRemote::with_clock(clock.clone()));
    chaos.lose_bus();
    let cache = Cache::builder().remote(chaos.clone()).clock(clock.clone()).build().unwrap();
    let store = CachingRegister::new(Arc::<Rows>::default(), &cache);
    for _ in 0..200 {
        pass(&clock, Duration::from_millis(100)).await;
    }
    assert_eq!((chaos.connections(), store.get(1).await), (1, Ok(None)));
}

/// Fails if the last steps wait for the write timeout.
#[tokio::test]
async fn a_shutdown_ends_even_if_its_last_steps_fail_or_hang() {
    let clock = ManualClock::new();
    let timeouts = |builder: CacheBuilder| {
        let hour = Duration::from_hours(1);
        builder.read_timeout(hour).write_timeout(hour).shutdown_timeout(Duration::from_secs(1))
    };
    let Instance { cache, chaos, .. } = Instance::connected(&clock, timeouts).await;
    chaos.hold(Operation::Leave);
    let began = clock.elapsed();
    ends(&clock, async move { cache.shutdown().await }).await;
    let took = clock.elapsed().saturating_sub(began);
    assert!(took < Duration::from_secs(4), "{took:?}");
}

/// With a long lease one delivery may take minutes. Fails if the supervisor counts as blocked before that.
#[tokio::test]
async fn a_slow_delivery_is_not_a_blocked_supervisor() {
    let clock = ManualClock::new();
    let long = |builder: CacheBuilder| builder.lease(Duration::from_mins(1));
    let Instance { cache, store, chaos } = Instance::connected(&clock, long).await;
    let held = [Operation::Lock, Operation::Release, Operation::Invalidate];
    for operation in held {
        chaos.hold(operation);
    }
    let write = tokio::spawn(async move { store.set(1, 10).await });
    for _ in 0..300 {
        pass(&clock, Duration::from_millis(100)).await;
    }
    assert!(!write.is_finished(), "other instances may still read the old value");
    for operation in held {
        chaos.release(operation);
    }
    assert_eq!(ends(&clock, async move { write.await.unwrap() }).await, Ok(()));
    drop(cache);
}
