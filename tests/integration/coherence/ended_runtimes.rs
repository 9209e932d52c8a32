//! Caches that outlive their background task's runtime, such as a `static` shared by tests.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, LinkStatus, MemoryRemote, Status};
use cache_tests::RedisServer;
use tokio::runtime::Runtime;

use super::register::{CachingRegister, Rows};

const PATIENCE: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Writes reach the other instances again, and until then health reports the cause.
#[test]
fn the_next_call_starts_the_background_task_again() {
    let server = RedisServer::start();
    let builders = [Cache::builder().remote(MemoryRemote::new()), Cache::builder().redis(server.url())];
    for builder in builders {
        let rows = Arc::<Rows>::default();
        rows.seed(1, 10);
        let first = runtime();
        let (cache, store) = first.block_on(async {
            let cache = builder.clone().build().unwrap();
            let store = CachingRegister::new(Arc::clone(&rows), &cache);
            assert!(cache.connected(PATIENCE).await);
            (cache, store)
        });
        drop(first);

        let second = runtime();
        second.block_on(async {
            let health = cache.health().await;
            assert_eq!((health.status, health.link), (Status::Degraded, LinkStatus::Down), "{health}");
            let reading = builder.clone().build().unwrap();
            let reader = CachingRegister::new(Arc::clone(&rows), &reading);
            assert!(reading.connected(PATIENCE).await);
            assert_eq!(reader.get(1).await, Ok(Some(10)));
            assert!(cache.connected(PATIENCE).await, "the task is not started again");
            assert_eq!(store.set(1, 20).await, Ok(()));
            let is_seen = async {
                while reader.get(1).await != Ok(Some(20)) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, is_seen).await.expect("the write does not reach the other instance");
            assert_eq!(cache.health().await.status, Status::Healthy);
        });
    }
}

/// Fails if the task notices the end of its runtime only after its first poll.
#[test]
fn a_runtime_that_ends_at_once_is_detected() {
    let at_once = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cache = at_once().block_on(async { Cache::builder().remote(MemoryRemote::new()).build().unwrap() });
    for _ in 0..2 {
        let health = at_once().block_on(cache.health());
        assert_eq!((health.status, health.link), (Status::Degraded, LinkStatus::Down), "{health}");
        // The task restarts, and this runtime ends before the first poll.
        at_once().block_on(cache.connected(Duration::ZERO));
    }
    assert!(runtime().block_on(cache.connected(PATIENCE)));
}

/// An ad-hoc value: `get` alone restarts the task.
#[test]
fn a_read_without_a_store_starts_the_task_again() {
    let first = runtime();
    let (cache, values) = first.block_on(async {
        let cache = Cache::builder().remote(MemoryRemote::new()).build().unwrap();
        let values = cache.transparent::<u64>("ended", "value");
        assert!(cache.connected(PATIENCE).await);
        values.set("key", 7, PATIENCE).await;
        (cache, values)
    });
    drop(first);
    runtime().block_on(async {
        let hits = async { while values.get("key").await != Some(7) {} };
        tokio::time::timeout(PATIENCE, hits).await.expect("the shared tier is not used again");
    });
    drop(cache);
}

/// The runtime of the task is alive but not driven. Fails if a write waits for the task forever.
#[test]
fn a_stalled_runtime_does_not_block_a_write() {
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (remote, clock) = (MemoryRemote::new(), ManualClock::new());
    let (cache, store) = still.block_on(async {
        let cache = Cache::builder().remote(remote.clone()).clock(clock.clone()).build().unwrap();
        let store = Arc::new(CachingRegister::new(Arc::<Rows>::default(), &cache));
        assert!(cache.connected(PATIENCE).await);
        (cache, store)
    });
    remote.stop();
    runtime().block_on(async {
        let write = tokio::spawn(async move { store.set(1, 10).await });
        let passing = async {
            while !write.is_finished() {
                clock.advance(Duration::from_millis(100));
                tokio::task::yield_now().await;
            }
            write.await.unwrap()
        };
        let written = tokio::time::timeout(PATIENCE, passing).await.expect("the write does not return");
        assert_eq!(written, Ok(()));
    });
    drop(cache);
}

/// If the runtime of a load ends, a caller on another runtime receives an error.
#[test]
fn a_caller_on_another_runtime_gets_an_error() {
    use cache_core::{Error, ErrorKind, ReadPolicy};
    let (first, second) = (runtime(), runtime());
    let cache = Cache::single_instance();
    let region = cache.region::<u64, u64>("ended", "value", ReadPolicy::new(PATIENCE));
    let (loading, requested) = tokio::sync::oneshot::channel();
    let mut read = Box::pin(async move {
        let load = || async move {
            let _ = loading.send(());
            std::future::pending::<Result<u64, Error>>().await
        };
        region.get_or_load(&1, load).await
    });
    // The first poll of the read spawns the load.
    first.block_on(async {
        tokio::select! {
            _ = &mut read => unreachable!("the load does not end"),
            loaded = requested => loaded.unwrap(),
        }
    });
    first.shutdown_background();
    let answer = second.block_on(async { tokio::time::timeout(PATIENCE, read).await });
    assert_eq!(answer.expect("the caller waits for ever").unwrap_err().kind(), ErrorKind::LoadPanicked);
}
