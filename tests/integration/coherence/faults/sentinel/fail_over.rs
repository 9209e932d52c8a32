//! Fail-overs by command, after the end of the primary, and after it froze.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::super::super::register::Stop;
use super::*;

/// What ends the time of the primary.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause {
    Command,
    Killed,
    Frozen,
    /// The instances still reach it.
    Isolated,
}

impl Cause {
    const ALL: [Self; 4] = [Self::Command, Self::Killed, Self::Frozen, Self::Isolated];

    pub(super) fn happens(self, watched: &mut Watched) {
        let primary = watched.group.primary();
        match self {
            Self::Command => watched.group.fail_over(),
            Self::Killed => watched.group.servers[primary].kill(),
            Self::Frozen => watched.group.servers[primary].pause(),
            Self::Isolated => watched.group.isolate(primary),
        }
        watched.group.notice_losses();
    }
}

/// Waits until the sentinels have another primary than this one, and the instances are connected to it.
async fn moved(watched: &Watched, from: usize, instances: [&Instance; 2]) {
    until_moved(watched, from).await;
    for instance in instances {
        let primary = watched.group.primary();
        until("it is connected to the new primary", || clients(&watched.group.servers[primary]) > 0).await;
        assert!(instance.cache.connected(PATIENCE).await, "{:?}", instance.cache.health().await);
    }
}

/// Waits until the sentinels have another primary than this one.
pub(super) async fn until_moved(watched: &Watched, from: usize) {
    let deadline = Instant::now() + 2 * PATIENCE;
    while watched.group.primary() == from {
        assert!(Instant::now() < deadline, "there is no fail-over");
        tokio::task::yield_now().await;
    }
}

/// Nobody gets an error, and what was written before, during and after the fail-over is read after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_do_not_notice_a_fail_over() {
    for cause in Cause::ALL {
        let mut watched = Watched::new();
        let writer = watched.instance(LEASE, Tiers::Both).await;
        let reader = watched.instance(LEASE, Tiers::Both).await;
        let calls = Arc::new(Calls::default());
        let load = calls.start(&writer, &reader);
        until("there are calls", || calls.written.load(Ordering::SeqCst) > 10).await;
        let from = watched.group.primary();
        cause.happens(&mut watched);
        moved(&watched, from, [&writer, &reader]).await;
        let before = calls.written.load(Ordering::SeqCst);
        until("there are more calls", || calls.written.load(Ordering::SeqCst) > before + 10).await;
        calls.ends.store(true, Ordering::SeqCst);
        for call in load {
            call.await.unwrap();
        }
        let last = calls.written.load(Ordering::SeqCst);
        assert_eq!(writer.get(1).await, Some(last), "{cause:?}");
        let current = || async { reader.get(1).await == Some(last) };
        let deadline = Instant::now() + PATIENCE;
        while !current().await {
            assert!(Instant::now() < deadline, "{cause:?}: the reader does not see the last write");
        }
        watched.group.servers[from].resume();
    }
}

/// A writer that counts upwards, and a reader.
#[derive(Default)]
struct Calls {
    written: AtomicU64,
    ends: AtomicBool,
}

impl Calls {
    /// Starts both. Each fails with the first error of a call, and the writer if it does not read its own write.
    fn start(self: &Arc<Self>, writer: &Instance, reader: &Instance) -> [tokio::task::JoinHandle<()>; 2] {
        let (calls, store) = (Arc::clone(self), Arc::clone(&writer.store));
        let written = tokio::spawn(async move {
            while !calls.ends.load(Ordering::SeqCst) {
                let next = calls.written.load(Ordering::SeqCst) + 1;
                store.set(1, next).await.unwrap();
                calls.written.store(next, Ordering::SeqCst);
                assert_eq!(store.get(1).await, Ok(Some(next)), "a writer reads its own write");
            }
        });
        let (calls, store) = (Arc::clone(self), Arc::clone(&reader.store));
        let reads = tokio::spawn(async move {
            while !calls.ends.load(Ordering::SeqCst) {
                store.get(1).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        [written, reads]
    }
}

/// The entry and its generations are in the replica that becomes the primary, and a write that it did not receive.
#[tokio::test]
async fn an_entry_of_the_old_primary_is_no_hit_after_a_fail_over() {
    let mut watched = Watched::new();
    let (reader, writer) = (watched.instance(LEASE, Tiers::Shared).await, watched.instance(LEASE, Tiers::Shared).await);
    watched.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    let from = watched.group.primary();
    let entry = |server: &RedisServer| server.raw(&["GET", "g:{race:test:register:1}"]).unwrap();
    let replicas: Vec<_> = (0..watched.group.servers.len()).filter(|server| *server != from).collect();
    for replica in &replicas {
        until("the replica has it", || entry(&watched.group.servers[*replica]) != "(nil)").await;
        // The replica receives nothing from now on, and goes on acknowledging.
        watched.group.servers[*replica].pause();
    }
    writer.set(1, 20).await;
    watched.group.servers[from].kill();
    for replica in &replicas {
        watched.group.servers[*replica].resume();
    }
    watched.group.notice_losses();
    moved(&watched, from, [&reader, &writer]).await;
    assert_eq!(reader.get(1).await, Some(20));
}

/// A load that began before the fail-over ends after it.
#[tokio::test]
async fn a_load_from_before_a_fail_over_fills_nothing_after_it() {
    let mut watched = Watched::new();
    let (reader, writer) = (watched.instance(LEASE, Tiers::Shared).await, watched.instance(LEASE, Tiers::Shared).await);
    watched.rows.seed(1, 10);
    let point = watched.rows.stop_next(Stop::AfterRead);
    let load = reader.spawn_get(1);
    point.reached().await;
    let from = watched.group.primary();
    Cause::Killed.happens(&mut watched);
    moved(&watched, from, [&reader, &writer]).await;
    writer.set(1, 20).await;
    point.open();
    assert_eq!(load.await.unwrap(), Some(10), "it began before the write");
    assert_eq!((reader.get(1).await, writer.get(1).await), (Some(20), Some(20)));
}
