//! R6: a heartbeat never overtakes an invalidation that was published before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_core::testing::Operation;

use super::super::sync_points::until;
use super::super::world::Instance;
use super::behind_proxy::{Behind, Tiers};

const LEASE: Duration = Duration::from_millis(200);
const ROUNDS: u64 = 15;
/// The maximum for the control, which ends at its first stale answer.
///
/// On a busy machine the lease may end before the check, so one round is not enough.
const ROUNDS_OF_THE_CONTROL: u64 = 100;

/// Writes, and returns whether the old value is a local hit after a later heartbeat.
async fn is_old_after_a_heartbeat(reader: &Instance, writer: &Instance, value: u64) -> bool {
    let mut old = None;
    while old.is_none() {
        reader.get(1).await;
        old = reader.store.peek_get(1);
    }
    writer.set(1, value).await;
    let heartbeats = reader.chaos.begun(Operation::Heartbeat);
    // The first may precede the acknowledgement and the second follows it. The third is sent once the second is back.
    until("a later heartbeat has returned", || reader.chaos.begun(Operation::Heartbeat) >= heartbeats + 3).await;
    reader.store.peek_get(1) == old
}

/// Keeps the bus busy with other invalidations.
fn hammer(writer: &Arc<Instance>, done: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<()>> {
    let task = |first: u64| {
        let (writer, done) = (Arc::clone(writer), Arc::clone(done));
        tokio::spawn(async move {
            for key in first.. {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                writer.set(key, key).await;
                // No faster than the reader takes messages in, so that no heartbeat waits behind a backlog.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    [1_000_000, 2_000_000, 3_000_000].map(task).into()
}

/// Whether any round returned the old value.
async fn scenario(overtakes: bool) -> bool {
    let behind = Behind::new(None);
    behind.rows.seed(1, 0);
    let reader = behind.near(LEASE, Tiers::Both).await;
    let writer = Arc::new(behind.near(LEASE, Tiers::Both).await);
    let done = Arc::<AtomicBool>::default();
    let hammers = hammer(&writer, &done);
    if overtakes {
        reader.chaos.hold_invalidations();
    }
    let rounds = if overtakes { ROUNDS_OF_THE_CONTROL } else { ROUNDS };
    let (mut old, mut round) = (false, 0);
    while !old && round < rounds {
        round += 1;
        old = is_old_after_a_heartbeat(&reader, &writer, round).await;
    }
    done.store(true, Ordering::SeqCst);
    for task in hammers {
        task.await.unwrap();
    }
    assert!(reader.cache.invalidations_received() > ROUNDS || overtakes, "the bus was busy");
    old
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_a_returned_heartbeat_follows_every_earlier_invalidation() {
    assert!(!scenario(false).await);
    assert!(scenario(true).await, "the control, a bus whose heartbeats overtake invalidations, must see the old value");
}
