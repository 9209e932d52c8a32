//! R5 on a real connection: the lease bounds local hits, wherever the bus breaks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cache_core::testing::Protection;
use cache_tests::Direction;
use tokio::task::JoinHandle;

use super::super::sync_points::until;
use super::super::world::Instance;
use super::behind_proxy::{Behind, PATIENCE, Tiers, health};

const LEASE: Duration = Duration::from_millis(300);

/// The times of acknowledgements, and the staleness of local hits.
#[derive(Default)]
struct History {
    /// The time of each version's acknowledgement, from version 1 on.
    acknowledged: Mutex<Vec<Instant>>,
    hits: AtomicU64,
    /// The longest time from a newer version's acknowledgement to a local hit, in nanoseconds.
    stalest: AtomicU64,
    done: AtomicBool,
}

impl History {
    /// Records a local hit of `version` that began at `at`.
    fn hit(&self, version: u64, at: Instant) {
        self.hits.fetch_add(1, Ordering::SeqCst);
        let next = usize::try_from(version).unwrap();
        if let Some(acknowledged) = self.acknowledged.lock().unwrap().get(next) {
            let late = at.saturating_duration_since(*acknowledged).as_nanos();
            self.stalest.fetch_max(u64::try_from(late).unwrap(), Ordering::SeqCst);
        }
    }

    fn stalest(&self) -> Duration {
        Duration::from_nanos(self.stalest.load(Ordering::SeqCst))
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }
}

/// Writes one version after the other.
fn write(writer: Instance, history: &Arc<History>) -> JoinHandle<()> {
    let history = Arc::clone(history);
    tokio::spawn(async move {
        for version in 1.. {
            if history.is_done() {
                return;
            }
            writer.set(1, version).await;
            history.acknowledged.lock().unwrap().push(Instant::now());
            // Time for the other instance to fill its local tier.
            tokio::time::sleep(LEASE / 10).await;
        }
    })
}

/// Fills the local tier, and reads from nothing else.
fn read(reader: &Arc<Instance>, history: &Arc<History>) -> [JoinHandle<()>; 2] {
    let (filling, fills) = (Arc::clone(reader), Arc::clone(history));
    let (looking, looks) = (Arc::clone(reader), Arc::clone(history));
    let fill = tokio::spawn(async move {
        while !fills.is_done() {
            filling.get(1).await.expect("the row is there");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let look = tokio::spawn(async move {
        while !looks.is_done() {
            for _ in 0..10 {
                let at = Instant::now();
                if let Some(Some(version)) = looking.store.peek_get(1) {
                    looks.hit(version, at);
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    [fill, look]
}

/// Writes near the server and reads behind the proxy while `disturb` runs.
async fn scenario(
    without: Option<Protection>,
    disturb: impl AsyncFnOnce(&mut Behind, &Instance, &History),
) -> Duration {
    let mut behind = Behind::new(without);
    behind.rows.seed(1, 0);
    let writer = behind.near(LEASE, Tiers::Both).await;
    let reader = Arc::new(behind.far(LEASE, Tiers::Both).await);
    let history = Arc::<History>::default();
    let writing = write(writer, &history);
    let reading = read(&reader, &history);
    hits(&history).await;
    disturb(&mut behind, &reader, &history).await;
    history.done.store(true, Ordering::SeqCst);
    for task in [writing].into_iter().chain(reading) {
        task.await.unwrap();
    }
    history.stalest()
}

async fn hits(history: &History) {
    let before = history.hits.load(Ordering::SeqCst);
    until("local hits", || history.hits.load(Ordering::SeqCst) > before + 20).await;
}

/// Cuts the connection after varying byte counts: within a message, a reply, or between them.
async fn cuts(behind: &mut Behind, reader: &Instance, history: &History) {
    for round in 0..12 {
        let bytes = (round * 7919) % 613 + 1;
        if round % 2 == 0 {
            behind.proxy.slice(5);
        }
        let before = behind.proxy.broken();
        behind.proxy.close_after(bytes);
        until("the connection is cut", || behind.proxy.broken() > before).await;
        behind.proxy.heal();
        assert!(reader.cache.connected(PATIENCE).await);
        hits(history).await;
    }
}

/// Silences the connection without closing it.
async fn silence(behind: &mut Behind, reader: &Instance, history: &History) {
    for _ in 0..3 {
        behind.proxy.half_open(Direction::ToClient);
        health(reader, "the local tier is trusted no more", |health| !health.local).await;
        behind.proxy.heal();
        assert!(reader.cache.connected(PATIENCE).await);
        hits(history).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_wherever_the_bus_is_cut_local_hits_end_with_the_lease() {
    let stalest = scenario(None, cuts).await;
    assert!(stalest <= LEASE, "{stalest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_with_a_silent_bus_local_hits_end_with_the_lease() {
    let stalest = scenario(None, silence).await;
    assert!(stalest <= LEASE, "{stalest:?}");
    let stalest = scenario(Some(Protection::Lease), silence).await;
    assert!(stalest > LEASE, "the control must see an older hit: {stalest:?}");
}
