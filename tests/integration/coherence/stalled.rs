//! Stalled callers: their futures are alive, but no task polls them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::{ChaosRemote, ManualClock, Operation};
use cache_core::{Cache, Error, MemoryRemote, ReadPolicy, Region};
use futures_util::poll;

use super::sync_points::{SyncPoint, ends};

const PATIENCE: Duration = Duration::from_secs(20);

/// A region whose values are not kept locally.
async fn region(chaos: &ChaosRemote, clock: &ManualClock) -> (Cache, Region<u64, u64>) {
    let cache = Cache::builder().remote(chaos.clone()).clock(clock.clone()).build().unwrap();
    let region = cache.region("stalled", "value", ReadPolicy::new(Duration::from_mins(5)).local_off());
    assert!(cache.connected(PATIENCE).await);
    (cache, region)
}

fn read(region: &Region<u64, u64>, value: u64) -> impl Future<Output = Result<u64, Error>> + Send + 'static {
    let region = region.clone();
    async move { region.get_or_load(&1, move || async move { Ok::<_, Error>(value) }).await }
}

/// As in a loop over `buffered` reads. Fails if the wait for a flight without a load has no limit.
#[tokio::test]
async fn a_lookup_that_is_not_polled_is_given_up() {
    let clock = ManualClock::new();
    let chaos = ChaosRemote::new(MemoryRemote::with_clock(clock.clone()));
    let (_cache, region) = region(&chaos, &clock).await;
    chaos.hold(Operation::Read);
    let mut first = Box::pin(read(&region, 1));
    assert!(poll!(&mut first).is_pending());
    chaos.release(Operation::Read);
    let others = [2, 3, 4].map(|value| tokio::spawn(read(&region, value)));
    let mut seen = Vec::new();
    for other in others {
        seen.push(ends(&clock, async move { other.await.unwrap() }).await.unwrap());
    }
    assert!(seen.iter().all(|value| *value == seen[0]), "one load for all: {seen:?}");
    assert_eq!(ends(&clock, first).await.unwrap(), seen[0], "it takes the current value");
    assert_eq!(region.in_flight(), 0);
}

/// A caller stalls behind the previous flight, unpolled when its turn comes.
#[tokio::test]
async fn a_waiting_caller_that_is_not_polled_is_given_up() {
    let clock = ManualClock::new();
    let chaos = ChaosRemote::new(MemoryRemote::with_clock(clock.clone()));
    let (_cache, region) = region(&chaos, &clock).await;
    let point = Arc::new(SyncPoint::new());
    let loading = {
        let (region, point) = (region.clone(), Arc::clone(&point));
        tokio::spawn(async move {
            let load = move || async move {
                point.pass().await;
                Ok::<_, Error>(1)
            };
            region.get_or_load(&1, load).await
        })
    };
    point.reached().await;
    let mut next = Box::pin(read(&region, 2));
    assert!(poll!(&mut next).is_pending());
    let follower = tokio::spawn(read(&region, 3));
    for _ in 0..100 {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(50));
    }
    assert!(!follower.is_finished(), "a load that takes its time is waited for");
    point.open();
    loading.await.unwrap().unwrap();
    let value = ends(&clock, async move { follower.await.unwrap() }).await.unwrap();
    assert!([1, 3].contains(&value), "from the shared tier or loaded: {value}");
    assert!([1, value].contains(&ends(&clock, next).await.unwrap()));
    assert_eq!(region.in_flight(), 0);
}
