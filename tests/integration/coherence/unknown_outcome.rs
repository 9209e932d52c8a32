//! R31: if the caller of a write is dropped, its outcome is unknown.
//!
//! The lock stays until it expires, and no fill of the affected keys is kept meanwhile.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use cache_core::testing::Protection;

use super::register::{CachingRegister, Register, RegisterError, Rows};
use super::sync_points::{SyncPoint, until};
use super::world::{Instance, World};

/// A database that completes dropped writes, and commits at the test's request.
#[derive(Clone)]
struct Database {
    rows: Arc<Rows>,
    commit: Arc<SyncPoint>,
    /// The number of writes that have begun and not committed.
    at_work: Arc<AtomicUsize>,
}

impl Database {
    /// A database with these rows, and a decorator over it on this instance.
    fn of(world: &World, writer: &Instance) -> (Self, CachingRegister<Self>) {
        let database =
            Self { rows: Arc::clone(&world.rows), commit: Arc::new(SyncPoint::new()), at_work: Arc::default() };
        (database.clone(), CachingRegister::new(Arc::new(database), &writer.cache))
    }
}

#[async_trait]
impl Register for Database {
    async fn get(&self, key: u64) -> Result<Option<u64>, RegisterError> {
        self.rows.get(key).await
    }

    async fn get_many(&self, keys: &[u64]) -> Result<BTreeMap<u64, u64>, RegisterError> {
        self.rows.get_many(keys).await
    }

    async fn set(&self, key: u64, value: u64) -> Result<(), RegisterError> {
        let database = self.clone();
        database.at_work.fetch_add(1, Ordering::SeqCst);
        let committed = tokio::spawn(async move {
            database.commit.pass().await;
            database.rows.seed(key, value);
            database.at_work.fetch_sub(1, Ordering::SeqCst);
        });
        committed.await.map_err(|_| RegisterError::Lost)
    }

    async fn put(&self, key: u64, value: u64) -> Result<u64, RegisterError> {
        self.rows.put(key, value).await
    }

    async fn delete(&self, key: u64) -> Result<(), RegisterError> {
        self.rows.delete(key).await
    }

    async fn text(&self, group: &str, text: &str) -> Result<String, RegisterError> {
        self.rows.text(group, text).await
    }

    async fn touch(&self, group: &str) -> Result<(), RegisterError> {
        self.rows.touch(group).await
    }
}

/// Drops a write's caller after the store's call, and commits after other reads.
///
/// Returns what a third instance reads.
async fn late_commit(world: World, without: Option<Protection>) -> Option<u64> {
    let (writer, reader) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let (database, store) = Database::of(&world, &writer);
    tokio::select! {
        _ = store.set(1, 20) => unreachable!("nothing is committed yet"),
        () = database.commit.reached() => {}
    }
    let mut reads = 0;
    while reads < 3 || (without == Some(Protection::UnknownOutcome) && reader.stats().fills == 0) {
        assert_eq!(reader.get(1).await, Some(10));
        reads += 1;
        // A hit does not yield, and the fill needs to run.
        tokio::task::yield_now().await;
    }
    if without.is_none() {
        assert_eq!((reader.stats().bypasses, reader.stats().fills), (3, 0));
    }
    database.commit.open();
    until("the store commits", || world.rows.row(1) == Some(20)).await;
    let third = world.instance().await;
    let seen = third.get(1).await;
    world.locks_expire().await;
    assert_eq!(third.get(1).await, seen);
    seen
}

#[tokio::test]
async fn r31_a_write_of_unknown_outcome_is_not_released() {
    for world in World::each(None) {
        assert_eq!(late_commit(world, None).await, Some(20));
    }
    for world in World::each(Some(Protection::UnknownOutcome)) {
        assert_eq!(
            late_commit(world, Some(Protection::UnknownOutcome)).await,
            Some(10),
            "the control must see the stale value"
        );
    }
}

/// Polls a call up to `polls` times, on each wake-up, and drops it.
async fn dropped_after(polls: usize, call: impl Future) {
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 || call.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Drops a write at every poll: before the lock, in the store, during the release.
///
/// If the store was called, it commits at once or after other reads.
#[tokio::test]
async fn r31_a_write_dropped_at_any_poll_that_commits_late_is_read_by_all() {
    for world in World::each(None) {
        let (writer, reader) = (world.instance().await, world.instance().await);
        for (key, (polls, late)) in (1..).zip((0..12).flat_map(|polls| [(polls, false), (polls, true)])) {
            world.rows.seed(key, 10);
            assert_eq!(reader.get(key).await, Some(10));
            let (database, store) = Database::of(&world, &writer);
            if !late {
                database.commit.open();
            }
            tokio::select! {
                () = dropped_after(polls, store.set(key, 20)) => {}
                () = database.commit.reached(), if late => {}
            }
            assert!(world.instance().await.get(key).await.is_some(), "others read meanwhile");
            database.commit.open();
            until("nothing is under way", || database.at_work.load(Ordering::SeqCst) == 0).await;
            let row = world.rows.row(key);
            assert_eq!(world.instance().await.get(key).await, row, "{polls} polls, late: {late}");
            assert_eq!(writer.get(key).await, row, "{polls} polls, late: {late}, on its own instance");
        }
    }
}
