//! R29: the reply to a write lock or a release is lost.
//!
//! Redis executes it sooner or later. Reads bypass the cache until the writer reconnects and releases its lock,
//! or the lock expires. No read is stale.

use std::time::Duration;

use cache_core::testing::{Operation, Protection};
use cache_tests::Direction;

use super::super::gate::until;
use super::super::register::Stop;
use super::super::world::Instance;
use super::behind_proxy::{Behind, LOCK, PATIENCE, Tiers, health};

const LEASE: Duration = Duration::from_secs(2);
const TOKEN: &str = "g:{race:test:register:1}";
/// The message that a write lock and a release publish.
const NEWS: &str = "I race:test:register:1";

/// A writer behind the proxy and a reader without it, after a shared fill.
struct Story {
    behind: Behind,
    writer: Instance,
    reader: Instance,
}

impl Story {
    async fn new(without: Option<Protection>) -> Self {
        let behind = Behind::new(without);
        behind.rows.seed(1, 10);
        let writer = behind.far(LEASE, Tiers::Shared).await;
        let reader = behind.near(LEASE, Tiers::Shared).await;
        assert_eq!(reader.get(1).await, Some(10));
        until("the value is in the shared tier", || reader.stats().fills == 1).await;
        assert_eq!(reader.get(1).await, Some(10));
        assert_eq!(reader.stats().shared_hits, 1);
        Self { behind, writer, reader }
    }

    fn token(&self) -> String {
        self.behind.server.raw(&["GET", TOKEN]).unwrap()
    }

    /// The remaining lifetime of the lock.
    fn lock(&self) -> Duration {
        let left = self.behind.server.raw(&["PTTL", TOKEN]).unwrap();
        Duration::from_millis(left.parse().expect("a lock ends"))
    }

    /// Repairs the network, and waits until the writer has delivered its journal.
    async fn mend(&mut self) {
        self.behind.proxy.heal();
        assert!(self.writer.cache.connected(PATIENCE).await);
        health(&self.writer, "everything is told", |health| health.shared && health.pending_invalidations == 0).await;
    }

    /// Checks that the reader sees only the new value, and that it is cached again.
    async fn ends_well(&self) {
        let fills = self.reader.stats().fills;
        until("a read is filled again", || {
            let read = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.reader.get(1)));
            assert_eq!(read, Some(20));
            self.reader.stats().fills > fills
        })
        .await;
        assert_eq!(self.reader.get(1).await, Some(20));
        assert_eq!(self.writer.get(1).await, Some(20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_an_announcement_whose_answer_is_lost_costs_a_bypass_until_the_journal_releases_it() {
    let mut story = Story::new(None).await;
    story.behind.proxy.reset_after_send(NEWS);
    story.writer.set(1, 20).await;
    assert!(story.behind.proxy.broken() >= 1, "the answer was lost");
    assert!(story.token().starts_with('L') && story.lock() <= LOCK, "it was carried out: {}", story.token());
    let before = story.reader.stats();
    assert_eq!(story.reader.get(1).await, Some(20), "and protects the write");
    assert_eq!(story.reader.stats().bypasses, before.bypasses + 1);
    story.mend().await;
    assert!(story.token().starts_with('U'), "the lock did not have to expire: {}", story.token());
    story.ends_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_a_release_whose_answer_is_lost_is_repeated_without_harm() {
    let mut story = Story::new(None).await;
    let gate = story.behind.rows.stop_next(Stop::AfterCommit);
    let write = story.writer.spawn_set(1, 20);
    gate.reached().await;
    assert!(story.token().starts_with('L'), "{}", story.token());
    story.behind.proxy.reset_after_send(TOKEN);
    gate.open();
    write.await.unwrap();
    assert!(story.behind.proxy.broken() >= 1, "the answer was lost");
    let released = story.token();
    assert!(released.starts_with('U'), "it was carried out: {released}");
    assert_eq!(story.reader.get(1).await, Some(20));
    story.mend().await;
    assert!(story.token().starts_with('U') && story.token() != released, "it was told once more, as an invalidation");
    story.ends_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_a_silent_server_that_heard_everything_costs_a_bypass() {
    let mut story = Story::new(None).await;
    let before = story.token();
    story.behind.proxy.half_open(Direction::ToClient);
    story.writer.set(1, 20).await;
    assert_ne!(story.token(), before, "it was carried out");
    assert_eq!(story.reader.get(1).await, Some(20));
    story.mend().await;
    story.ends_well().await;
}

/// Acknowledges a write that has not reached the server, which executes it late or never.
///
/// A reader sees the old value until the writer reaches the server again, a documented bound. Returns what it sees
/// then.
async fn heard_late(without: Option<Protection>, lost: bool) -> Option<u64> {
    let mut story = Story::new(without).await;
    story.behind.proxy.half_open(Direction::ToServer);
    let begun = story.writer.chaos.begun(Operation::Lock);
    story.writer.set(1, 20).await;
    assert_eq!(story.writer.chaos.begun(Operation::Lock), begun + 1, "it was sent");
    assert!(story.token().starts_with('U'), "and not heard");
    assert_eq!(story.writer.get(1).await, Some(20), "the writer reads its own write");
    assert_eq!(story.reader.get(1).await, Some(10));
    if lost {
        story.behind.proxy.drop_connections();
    }
    story.mend().await;
    story.reader.get(1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_what_a_server_hears_late_or_never_is_told_again() {
    for lost in [false, true] {
        assert_eq!(heard_late(None, lost).await, Some(20));
    }
    assert_eq!(heard_late(Some(Protection::Journal), true).await, Some(10), "the control must see the stale value");
}
