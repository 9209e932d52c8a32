//! R30: reads are dropped while their answers are under way. No read receives another one's answer.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cache_core::testing::Protection;

use super::super::sync_points::until;
use super::super::world::Instance;
use super::behind_proxy::{Behind, Tiers};

const LEASE: Duration = Duration::from_mins(1);
const KEYS: u64 = 64;
const AT_ONCE: u64 = 48;

/// The outcomes of many reads.
#[derive(Debug, Default)]
struct Counted {
    own: u64,
    foreign: u64,
    dropped: u64,
}

/// A value that no other key has.
fn value(key: u64) -> u64 {
    key * 1_000_003
}

/// Polls a future until it has been pending `pending` times, and then drops it.
async fn at_most<T>(pending: Option<u64>, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    let mut left = pending;
    poll_fn(move |context| match (future.as_mut().poll(context), &mut left) {
        (Poll::Ready(done), _) => Poll::Ready(Some(done)),
        (Poll::Pending, Some(0)) => Poll::Ready(None),
        (Poll::Pending, Some(left)) => {
            *left -= 1;
            Poll::Pending
        }
        (Poll::Pending, None) => Poll::Pending,
    })
    .await
}

/// Runs rounds of concurrent reads, most of which are dropped at one of their polls.
async fn fuzz(instance: &Instance, rounds: u64) -> Counted {
    let mut counted = Counted::default();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for _ in 0..rounds {
        let reads: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (store, key, pending) = (Arc::clone(&instance.store), next(KEYS), next(6));
                let read = async move { store.get(key).await.unwrap() };
                (key, tokio::spawn(at_most((pending < 4).then_some(pending), read)))
            })
            .collect();
        for (key, read) in reads {
            match read.await.unwrap() {
                Some(read) if read == Some(value(key)) => counted.own += 1,
                Some(_) => counted.foreign += 1,
                None => counted.dropped += 1,
            }
        }
    }
    counted
}

async fn warm(without: Option<Protection>) -> (Behind, Instance) {
    let behind = Behind::new(without);
    // Splits the answers, so that reads are dropped in the middle of them.
    behind.proxy.slice(64);
    let instance = behind.far(LEASE, Tiers::Shared).await;
    for key in 0..KEYS {
        behind.rows.seed(key, value(key));
        instance.get(key).await;
    }
    until("everything is in the shared tier", || instance.stats().fills == KEYS).await;
    (behind, instance)
}

#[tokio::test]
async fn r30_no_read_receives_the_reply_of_a_dropped_one() {
    let (_behind, instance) = warm(None).await;
    let counted = fuzz(&instance, 150).await;
    assert_eq!(counted.foreign, 0, "{counted:?}");
    assert!(counted.own > 1000 && counted.dropped > 500, "{counted:?}");
    assert!(instance.stats().shared_hits > 1000, "{:?}", instance.stats());
    assert_eq!(instance.stats().errors.get("key"), None, "no reply of another request was detected either");
}

/// A faulty client gives each read the previous answer.
///
/// The cache detects it, since an entry names its own key.
#[tokio::test]
async fn r30_a_reply_to_another_request_is_detected() {
    let (_behind, instance) = warm(None).await;
    instance.chaos.confuse_reads();
    let counted = fuzz(&instance, 20).await;
    assert_eq!(counted.foreign, 0, "{counted:?}");
    assert!(instance.stats().errors["key"] > 50, "{:?}", instance.stats());
    let (_behind, instance) = warm(Some(Protection::Identity)).await;
    instance.chaos.confuse_reads();
    let counted = fuzz(&instance, 20).await;
    assert!(counted.foreign > 50, "the control must see values of others: {counted:?}");
}
