//! A server freezes and resumes (SIGSTOP, SIGCONT) without the loss of any invalidation.

use std::time::Duration;

use cache_core::testing::Protection;

use super::super::sync_points::until;
use super::behind_proxy::{Behind, PATIENCE, Tiers, health, is_lost};

const LEASE: Duration = Duration::from_millis(500);
const KEYS: u64 = 30;

/// Writes every row while the server is frozen.
///
/// Returns how many of them a reader sees with their old values once the writer has delivered its journal.
async fn stale_after_a_freeze(without: Option<Protection>) -> usize {
    let mut behind = Behind::new(without);
    let (reader, writer) = (behind.near(LEASE, Tiers::Both).await, behind.near(LEASE, Tiers::Both).await);
    for key in 0..KEYS {
        behind.rows.seed(key, 10);
        assert_eq!(reader.get(key).await, Some(10));
    }
    until("everything is in the shared tier", || reader.stats().fills == KEYS).await;
    behind.server.pause();
    for key in 0..KEYS {
        writer.set(key, 20).await;
        assert_eq!(writer.get(key).await, Some(20), "the writer reads its own write");
    }
    is_lost(&reader).await;
    for key in 0..KEYS {
        assert_eq!(reader.get(key).await, Some(20), "without Redis the store answers");
    }
    behind.server.resume();
    assert!(reader.cache.connected(PATIENCE).await && writer.cache.connected(PATIENCE).await);
    health(&writer, "every invalidation is delivered", |health| health.pending_invalidations == 0).await;
    let mut stale = 0;
    for key in 0..KEYS {
        let read = reader.get(key).await;
        stale += usize::from(read == Some(10));
        assert!(read == Some(20) || without.is_some(), "{key}: {read:?}");
    }
    stale
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_during_a_freeze_of_the_server_is_seen_after_it_resumes() {
    assert_eq!(stale_after_a_freeze(None).await, 0);
    assert!(stale_after_a_freeze(Some(Protection::Journal)).await > 0, "the control must see stale values");
}
