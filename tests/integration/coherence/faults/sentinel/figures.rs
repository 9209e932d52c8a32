//! What a fail-over costs readers, and how old their values are: the figures of `cache_core::docs::failure_modes`.

use std::sync::Mutex;
use std::time::Instant;

use cache_core::{Cache, ReadPolicy};
use tokio::task::JoinHandle;

use super::super::super::register::CachingRegister;
use super::fail_over::{Cause, until_moved};
use super::*;

/// The number of fail-overs of each kind.
const ROUNDS: usize = 5;
/// The pace of the readers and of the writer.
const PACE: Duration = Duration::from_millis(1);
/// How long they go on after the fail-over.
const AFTERWARDS: Duration = Duration::from_secs(3);

type Store = Arc<CachingRegister<Rows>>;

/// When each write was acknowledged; the number of a write is the value that it wrote.
#[derive(Default)]
struct Acknowledged(Mutex<Vec<Instant>>);

impl Acknowledged {
    /// How long before `began` the value was outdated by an acknowledged write.
    fn age(&self, value: u64, began: Instant) -> Duration {
        let acknowledged = self.0.lock().unwrap();
        let next = acknowledged.get(usize::try_from(value).unwrap());
        next.map_or(Duration::ZERO, |next| began.saturating_duration_since(*next))
    }
}

/// What a reader has seen.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    reads: u64,
    slowest: Duration,
    stale: u64,
    oldest: Duration,
}

impl Seen {
    fn or_worse(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            slowest: self.slowest.max(other.slowest),
            stale: self.stale + other.stale,
            oldest: self.oldest.max(other.oldest),
        }
    }
}

fn instance(url: &str, rows: &Arc<Rows>, has_local: bool) -> (Cache, Store) {
    let cache = Cache::builder().redis(url).build().unwrap();
    let store = CachingRegister::builder(Arc::clone(rows), &cache);
    let store = if has_local { store.build() } else { store.get(ReadPolicy::local_off).build() };
    (cache, Arc::new(store))
}

/// Counts upwards until `end`.
fn writes(store: &Store, acknowledged: &Arc<Acknowledged>, end: &Arc<Notified>) -> JoinHandle<Duration> {
    let (store, acknowledged, end) = (Arc::clone(store), Arc::clone(acknowledged), Arc::clone(end));
    tokio::spawn(async move {
        let (mut pace, mut slowest) = (tokio::time::interval(PACE), Duration::ZERO);
        for value in 1.. {
            pace.tick().await;
            if end.is_over() {
                break;
            }
            let began = Instant::now();
            store.set(1, value).await.unwrap();
            slowest = slowest.max(began.elapsed());
            acknowledged.0.lock().unwrap().push(Instant::now());
        }
        slowest
    })
}

/// Reads until `end`. A call that returns an error fails the test.
fn reads(store: &Store, acknowledged: &Arc<Acknowledged>, end: &Arc<Notified>) -> JoinHandle<Seen> {
    let (store, acknowledged, end) = (Arc::clone(store), Arc::clone(acknowledged), Arc::clone(end));
    tokio::spawn(async move {
        let (mut pace, mut seen) = (tokio::time::interval(PACE), Seen::default());
        while !end.is_over() {
            pace.tick().await;
            let began = Instant::now();
            let value = store.get(1).await.unwrap().unwrap();
            let age = acknowledged.age(value, began);
            let one = Seen { reads: 1, slowest: began.elapsed(), stale: u64::from(!age.is_zero()), oldest: age };
            seen = seen.or_worse(one);
        }
        seen
    })
}

/// The end of a measurement.
#[derive(Default)]
struct Notified(std::sync::atomic::AtomicBool);

impl Notified {
    fn is_over(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn is_now_over(&self) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

/// One fail-over. The readers read from the shared tier alone, and from both; the last number is the slowest write.
async fn measured(cause: Cause, sees_sentinels: bool, min_replicas: bool) -> ([Seen; 2], Duration, Duration) {
    let mut watched = Watched::new();
    if min_replicas {
        for server in &watched.group.servers {
            server.command(&["CONFIG", "SET", "min-replicas-to-write", "1", "min-replicas-max-lag", "2"]);
        }
    }
    watched.rows.seed(1, 0);
    let (mut proxies, url) = watched.behind_proxies();
    let writing = instance(&watched.group.url(), &watched.rows, true);
    let reading = [instance(&url, &watched.rows, false), instance(&url, &watched.rows, true)];
    for (cache, _) in reading.iter().chain([&writing]) {
        assert!(cache.connected(PATIENCE).await);
    }
    let (acknowledged, end) = (Arc::default(), Arc::default());
    let writer = writes(&writing.1, &acknowledged, &end);
    let readers = [0, 1].map(|reader| reads(&reading[reader].1, &acknowledged, &end));
    tokio::time::sleep(Duration::from_secs(1)).await;
    if !sees_sentinels {
        proxies.iter_mut().for_each(FaultProxy::cut);
    }
    let (from, began) = (watched.group.primary(), Instant::now());
    cause.happens(&mut watched);
    until_moved(&watched, from).await;
    // A connection to the new primary: the writer is subscribed to the sentinels.
    assert!(writing.0.connected(PATIENCE).await);
    let took = began.elapsed();
    tokio::time::sleep(AFTERWARDS).await;
    end.is_now_over();
    let mut seen = [Seen::default(); 2];
    for (seen, reader) in seen.iter_mut().zip(readers) {
        *seen = reader.await.unwrap();
    }
    (seen, writer.await.unwrap(), took)
}

/// Prints a table. No call returns an error, and with the sentinels in reach no value is older than a lease allows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement of minutes"]
async fn figures_of_fail_overs() {
    println!(
        "| fail-over | took | slowest read | slowest write | oldest value, shared tier | oldest value, both tiers | stale reads of |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, cause, sees_sentinels, min_replicas) in [
        ("by command", Cause::Command, true, false),
        ("primary killed", Cause::Killed, true, false),
        ("primary frozen", Cause::Frozen, true, false),
        ("primary isolated", Cause::Isolated, true, false),
        ("primary isolated, readers without sentinels, `min-replicas-to-write`", Cause::Isolated, false, true),
    ] {
        let (mut shared, mut both) = (Seen::default(), Seen::default());
        let (mut slowest_write, mut longest) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            let (seen, write, took) = measured(cause, sees_sentinels, min_replicas).await;
            (shared, both) = (shared.or_worse(seen[0]), both.or_worse(seen[1]));
            (slowest_write, longest) = (slowest_write.max(write), longest.max(took));
        }
        let read = shared.slowest.max(both.slowest);
        let (stale, all) = (shared.stale + both.stale, shared.reads + both.reads);
        println!(
            "| {name} | {longest:.1?} | {read:.1?} | {slowest_write:.1?} | {:.1?} | {:.1?} | {stale} of {all} |",
            shared.oldest, both.oldest
        );
        assert!(!sees_sentinels || shared.oldest < PATIENCE, "{name}: {shared:?}");
    }
}
