//! R32 to R35: targets that only the result of a write names.
//!
//! The write registers as a pending writer on the whole method, whose entries stay valid. If it does not finish, the
//! method is invalidated.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use cache_core::testing::{Operation, Protection};
use cache_core::{Mode, ReadPolicy, Region, Scope, WriteGuard};

use super::ledger::{Accounts, CachingLedger};
use super::register::{RegisterError, Stop};
use super::sync_points::until;
use super::world::{Instance, LOCK, Tier, World};

const METHOD: &str = "g:{race:pending:account:*}";
const WRITERS: &str = "g:{race:pending:account:*}:writers";
/// Longer than a test takes on a slow machine, so that no registration expires.
const LONG: Duration = Duration::from_mins(1);

type Store = CachingLedger<Accounts>;

/// An instance with a decorator of the accounts.
struct Branch {
    instance: Instance,
    store: Arc<Store>,
}

impl Branch {
    fn of(instance: Instance, accounts: &Arc<Accounts>) -> Self {
        let store = Arc::new(CachingLedger::new(Arc::clone(accounts), &instance.cache));
        Self { instance, store }
    }

    async fn account(&self, id: u64) -> Option<u64> {
        self.store.account(id).await.unwrap()
    }

    /// Opens an account in a task of its own.
    fn spawn_open(&self, balance: u64) -> tokio::task::JoinHandle<u64> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.open(balance).await.unwrap().id })
    }

    async fn until_all_is_delivered(&self) {
        until("the journal is delivered", || self.instance.health().pending_invalidations == 0).await;
    }

    fn fills(&self) -> u64 {
        self.instance.cache.stats().method("Ledger", "account").fills
    }
}

impl World {
    async fn branch(&self, accounts: &Arc<Accounts>) -> Branch {
        Branch::of(self.instance().await, accounts)
    }

    /// Waits until every registration has expired.
    async fn registrations_expire(&self) {
        if let Tier::Memory(_, clock) = &self.tier {
            clock.advance(LOCK);
        }
        if let Some(servers) = self.tier.servers() {
            until("the registrations expire", || servers.raw(&["EXISTS", WRITERS]).unwrap().trim() == "0").await;
        }
    }

    /// Evicts the set of pending writers.
    fn evict_writers(&self) {
        if let Tier::Memory(remote, _) = &self.tier {
            remote.evict_writers();
        }
        self.tier.delete(&[WRITERS]);
    }

    /// Evicts the generation of the method.
    fn evict_method(&self) {
        if let Tier::Memory(remote, _) = &self.tier {
            remote.evict_scopes();
        }
        self.tier.delete(&[METHOD]);
    }
}

/// Polls a call at most `polls` times, on each wake-up; returns whether it has ended.
async fn polled(polls: usize, call: &mut (impl Future + Unpin)) -> bool {
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        if std::pin::Pin::new(&mut *call).poll(context).is_ready() {
            return Poll::Ready(true);
        }
        left -= 1;
        if left == 0 { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

/// Drops a write at each poll; returns whether any instance then reads an old value.
async fn dropped_at_every_poll(world: World) -> bool {
    let accounts = Arc::new(Accounts::default());
    let reader = world.branch(&accounts).await;
    let mut is_stale = false;
    for polls in 0.. {
        let writer = world.branch(&accounts).await;
        let id = accounts.next();
        for branch in [&writer, &reader] {
            assert_eq!(branch.account(id).await, None);
        }
        let mut call = Box::pin(writer.store.open(10 + id));
        let has_ended = polled(polls, &mut call).await;
        drop(call);
        let row = accounts.row(id);
        is_stale |= writer.account(id).await != row;
        // This waits for the tasks that deliver invalidations; before that nothing was acknowledged.
        writer.instance.cache.shutdown().await;
        let third = world.branch(&accounts).await;
        is_stale |= third.account(id).await != row;
        // On a real server the message may take a moment.
        until("the reader has dropped the entry", || {
            is_stale || row.is_none() || reader.store.peek_account(id).is_none()
        })
        .await;
        is_stale |= reader.account(id).await != row;
        if has_ended {
            assert!(polls > 3, "there is more than one await in a write");
            return is_stale;
        }
    }
    unreachable!("a write ends")
}

#[tokio::test]
async fn r32_a_write_dropped_at_any_poll_hides_no_target_of_its_result() {
    for world in World::each(None) {
        assert!(!dropped_at_every_poll(world).await);
    }
    for world in World::each(Some(Protection::PendingWriters)) {
        assert!(dropped_at_every_poll(world).await, "the control must see the absence");
    }
}

/// Commits in the store after the caller was dropped and other instances have read.
///
/// The registration has to outlive that. Returns what another instance reads then.
async fn late_commit(world: World) -> Option<u64> {
    let accounts = Arc::new(Accounts::default());
    let (writer, reader) = (world.branch(&accounts).await, world.branch(&accounts).await);
    let id = accounts.next();
    let point = accounts.stop_next(Stop::BeforeCommit);
    // The database completes the write of its dropped client.
    let at_work = tokio::spawn({
        let accounts = Arc::clone(&accounts);
        async move { Accounts::open_past_the_cache(&accounts, 10).await }
    });
    point.reached().await;
    let other = accounts.stop_next(Stop::BeforeCommit);
    let mut call = Box::pin(writer.store.open(10));
    tokio::select! {
        _ = &mut call => unreachable!("the store does not return"),
        () = other.reached() => {}
    }
    drop(call);
    writer.until_all_is_delivered().await;
    assert_eq!(reader.account(id).await, None);
    until("the entry is in the shared tier", || reader.fills() >= 1).await;
    point.open();
    at_work.await.unwrap();
    world.registrations_expire().await;
    let third = world.branch(&accounts).await;
    third.account(id).await
}

#[tokio::test]
async fn r32_a_commit_after_its_caller_was_dropped_is_read_when_its_registration_expires() {
    for world in World::each(None) {
        assert_eq!(late_commit(world).await, Some(10));
    }
    for world in World::each(Some(Protection::PendingExpiry)) {
        assert_eq!(late_commit(world).await, None, "the control must see the absence");
    }
}

/// Kills the process of a writer between its commit and the release.
///
/// Returns what another instance reads, which has the old state in its local tier, and what a third one reads from the
/// shared tier.
async fn killed(world: World) -> [Option<u64>; 2] {
    let accounts = Arc::new(Accounts::default());
    let lease = LOCK / 2;
    let writer = world.branch(&accounts).await;
    let reader = Branch::of(world.instance_with_lease(lease).await, &accounts);
    let id = accounts.next();
    let point = accounts.stop_next(Stop::AfterCommit);
    let mut call = Box::pin(writer.store.open(10));
    assert_eq!(reader.account(id).await, None);
    until("the entry is in the shared tier", || reader.fills() == 1).await;
    tokio::select! {
        _ = &mut call => unreachable!("the store does not return"),
        () = point.reached() => {}
    }
    // The call is never polled or dropped again.
    std::mem::forget(call);
    writer.instance.cache.shutdown().await;
    world.registrations_expire().await;
    world.two_heartbeats(&reader.instance, lease).await;
    let seen = reader.account(id).await;
    let third = world.branch(&accounts).await;
    let seen = [seen, third.account(id).await];
    // The method is invalidated once, not for every reader: values loaded since then stay.
    let filled = async {
        // On a busy machine a read may bypass the cache.
        while seen[0].is_some() && third.fills() + reader.fills() < 2 {
            assert_eq!(third.account(id).await, seen[0]);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), filled).await.expect("the entry is in the shared tier");
    let loads = accounts.loads();
    world.two_heartbeats(&reader.instance, lease).await;
    for branch in [&reader, &third, &world.branch(&accounts).await] {
        assert_eq!(branch.account(id).await, seen[0]);
    }
    assert_eq!(accounts.loads(), loads, "no further invalidation follows");
    seen
}

#[tokio::test]
async fn r33_a_killed_writer_hides_nothing_after_its_registration_expires() {
    for world in World::each(None) {
        assert_eq!(killed(world).await, [Some(10); 2]);
    }
    for without in [Some(Protection::PendingWriters), Some(Protection::PendingExpiry)] {
        for world in World::each(without) {
            assert_eq!(killed(world).await, [None; 2], "the control must see the absence");
        }
    }
}

/// A local value read under a pending writer expires, even without the registration message.
#[tokio::test]
async fn r33_a_local_fill_under_a_pending_writer_does_not_outlive_the_writer() {
    for (without, expected) in [(None, Some(10)), (Some(Protection::PendingExpiry), None)] {
        let world = World::memory(without);
        let Tier::Memory(_, clock) = &world.tier else { unreachable!() };
        let accounts = Arc::new(Accounts::default());
        let (writer, reader) = (world.branch(&accounts).await, world.branch(&accounts).await);
        let id = accounts.next();
        let point = accounts.stop_next(Stop::BeforeCommit);
        let mut call = Box::pin(writer.store.open(10));
        reader.instance.chaos.hold_invalidations();
        tokio::select! {
            _ = &mut call => unreachable!("the store does not return"),
            () = point.reached() => {}
        }
        assert_eq!(reader.account(id).await, None);
        assert_eq!(reader.account(id).await, None);
        assert_eq!(accounts.loads(), 1, "it is a hit");
        point.open();
        let committed = accounts.stop_next(Stop::AfterCommit);
        tokio::select! {
            _ = &mut call => unreachable!("the store does not return"),
            () = committed.reached() => {}
        }
        std::mem::forget(call);
        clock.advance(LOCK);
        assert_eq!(reader.account(id).await, expected);
    }
}

/// Opens many accounts while others are read.
#[tokio::test]
async fn r34_other_accounts_stay_hits_in_both_tiers_during_an_opening() {
    const OPENERS: u64 = 50;
    for world in World::each(None) {
        let accounts = Arc::new(Accounts::default());
        let writer = Branch::of(world.instance_with_lock(LONG).await, &accounts);
        let reader = world.branch(&accounts).await;
        for balance in 1..=10 {
            writer.store.open(balance).await.unwrap();
        }
        for id in 1..=10 {
            assert_eq!(reader.account(id).await, Some(id));
        }
        let next = accounts.next();
        assert_eq!(reader.account(next).await, None);
        until("the entries are in the shared tier", || reader.fills() == 11).await;
        let mut openers = Vec::new();
        for balance in 0..OPENERS {
            let point = accounts.stop_next(Stop::AfterCommit);
            openers.push((writer.spawn_open(100 + balance), Arc::clone(&point)));
            point.reached().await;
        }
        let loads = accounts.loads();
        let third = world.branch(&accounts).await;
        let stats = |branch: &Branch| branch.instance.cache.stats().method("Ledger", "account");
        let (local, shared) = (stats(&reader).local_hits, stats(&third).shared_hits);
        for id in 1..=10 {
            assert_eq!((reader.account(id).await, third.account(id).await), (Some(id), Some(id)));
        }
        assert_eq!((stats(&reader).local_hits - local, stats(&third).shared_hits - shared), (10, 10));
        if let Some(server) = world.tier.servers() {
            let value = server.raw(&["GET", METHOD]).unwrap();
            assert!(value.contains('|') && value.len() < 64, "{value}");
            assert_eq!(server.raw(&["ZCARD", WRITERS]).unwrap().trim(), OPENERS.to_string());
        }
        for (opener, point) in openers {
            point.open();
            opener.await.unwrap();
        }
        assert_eq!(third.account(next).await, Some(100));
        until("the entry is in the shared tier", || third.fills() == 1).await;
        until("the reader has dropped the entry", || reader.store.peek_account(next).is_none()).await;
        assert_eq!(reader.account(next).await, Some(100));
        for id in 1..=10 {
            assert_eq!((reader.account(id).await, third.account(id).await), (Some(id), Some(id)));
        }
        assert_eq!(accounts.loads(), loads + 1, "only the new account was loaded");
        if let Some(server) = world.tier.servers() {
            let value = server.raw(&["GET", METHOD]).unwrap();
            assert!(value.starts_with('U') && !value.contains('|'), "{value}");
            assert_eq!(server.raw(&["EXISTS", WRITERS]).unwrap().trim(), "0");
        }
    }
}

/// The key that Redis loses between the registration and the release.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Writers,
    Method,
    Everything,
    Expiry,
}

/// Loses the registration, and fills the old state on another instance before the commit.
#[tokio::test]
async fn r32_a_release_whose_registration_is_missing_still_invalidates() {
    for loss in [Loss::Writers, Loss::Method, Loss::Everything, Loss::Expiry] {
        for world in World::each(None) {
            let accounts = Arc::new(Accounts::default());
            let (writer, reader) = (world.branch(&accounts).await, world.branch(&accounts).await);
            let id = accounts.next();
            let point = accounts.stop_next(Stop::BeforeCommit);
            let opener = writer.spawn_open(10);
            point.reached().await;
            match loss {
                Loss::Writers => world.evict_writers(),
                Loss::Method => world.evict_method(),
                Loss::Everything => world.tier.flush(),
                Loss::Expiry => world.registrations_expire().await,
            }
            assert_eq!(reader.account(id).await, None);
            until("the entry is in the shared tier", || reader.fills() == 1).await;
            point.open();
            assert_eq!(opener.await.unwrap(), id);
            assert_eq!(writer.account(id).await, Some(10), "{loss:?}");
            assert_eq!(world.branch(&accounts).await.account(id).await, Some(10), "{loss:?}");
            until("the reader has dropped the entry", || reader.store.peek_account(id) != Some(None)).await;
            assert_eq!(reader.account(id).await, Some(10), "{loss:?}");
        }
    }
}

/// Refuses these operations of the writer, and drops its caller after the commit if `is_dropped`.
///
/// Returns what the writer's own instance reads then, and what another one reads after the delivery.
async fn refused(world: World, operations: &[Operation], is_dropped: bool) -> [Option<u64>; 2] {
    let lease = Duration::from_secs(1);
    let accounts = Arc::new(Accounts::default());
    let writer = Branch::of(world.instance_with_lease(lease).await, &accounts);
    let reader = Branch::of(world.instance_with_lease(lease).await, &accounts);
    let id = accounts.next();
    for branch in [&writer, &reader] {
        assert_eq!(branch.account(id).await, None);
    }
    for operation in operations {
        writer.instance.chaos.fail(*operation);
    }
    let point = accounts.stop_next(Stop::AfterCommit);
    let mut call = Box::pin(writer.store.open(10));
    tokio::select! {
        _ = &mut call => unreachable!("the store does not return"),
        () = point.reached() => {}
    }
    if is_dropped {
        drop(call);
    } else {
        point.open();
        world.passing_time(call).await.unwrap();
    }
    let own = writer.account(id).await;
    for operation in operations {
        writer.instance.chaos.heal(*operation);
    }
    world.two_heartbeats(&writer.instance, lease).await;
    writer.until_all_is_delivered().await;
    until("the reader has dropped the entry", || own.is_none() || reader.store.peek_account(id) != Some(None)).await;
    [own, reader.account(id).await]
}

#[tokio::test]
async fn r32_an_undelivered_registration_or_release_is_delivered_later() {
    use Operation::{Invalidate, Lock, Release};
    for is_dropped in [false, true] {
        for operations in [&[Lock][..], &[Release, Invalidate], &[Lock, Release, Invalidate]] {
            for world in World::each(None) {
                let seen = refused(world, operations, is_dropped).await;
                assert_eq!(seen, [Some(10); 2], "{operations:?}, dropped: {is_dropped}");
            }
        }
    }
    for world in World::each(Some(Protection::PendingWriters)) {
        assert_eq!(
            refused(world, &[Lock, Release, Invalidate], true).await,
            [None; 2],
            "the control must see the absence"
        );
    }
    let world = World::memory(Some(Protection::Journal));
    assert_eq!(refused(world, &[Release], false).await[1], None, "the control must see the absence");
}

/// A write that its store rejects invalidates nothing.
#[tokio::test]
async fn a_refused_write_does_not_invalidate_the_method() {
    for world in World::each(None) {
        let accounts = Arc::new(Accounts::default());
        let writer = Branch::of(world.instance_with_lock(LONG).await, &accounts);
        writer.store.open(10).await.unwrap();
        assert_eq!(writer.account(1).await, Some(10));
        assert_eq!(writer.store.open(u64::MAX).await, Err(RegisterError::Refused));
        assert_eq!(writer.account(1).await, Some(10));
        assert_eq!((accounts.loads(), writer.instance.health().pending_invalidations), (1, 0));
        if let Some(server) = world.tier.servers() {
            assert_eq!(server.raw(&["EXISTS", WRITERS]).unwrap().trim(), "0");
        }
    }
}

/// Locks and registrations share a round trip before the call and one after it.
#[tokio::test]
async fn locks_and_registrations_share_a_round_trip() {
    for world in World::each(None) {
        let accounts = Arc::new(Accounts::default());
        let writer = Branch::of(world.instance_with_lock(LONG).await, &accounts);
        let reader = world.branch(&accounts).await;
        assert_eq!((reader.store.branch(1).await, reader.account(1).await), (Ok(0), None));
        writer.store.open_in(1, 10).await.unwrap();
        let count = |operation| writer.instance.chaos.begun(operation);
        assert_eq!([Operation::Lock, Operation::Release, Operation::Invalidate].map(count), [1, 1, 0]);
        let has_dropped_both = || reader.store.peek_branch(1).is_none() && reader.store.peek_account(1).is_none();
        until("the reader has dropped both entries", has_dropped_both).await;
        assert_eq!((reader.store.branch(1).await, reader.account(1).await), (Ok(1), Some(10)));
    }
}

/// A fast write returns before its release, and its own instance reads it at once.
#[tokio::test]
async fn a_fast_write_journals_the_targets_of_its_result_until_their_delivery() {
    for world in World::each(None) {
        let accounts = Arc::new(Accounts::default());
        let (mut writer, reader) = (world.branch(&accounts).await, world.branch(&accounts).await);
        let fast = |policy: ReadPolicy| policy.mode(Mode::Fast);
        let builder = CachingLedger::builder(Arc::clone(&accounts), &writer.instance.cache);
        writer.store = Arc::new(builder.account(fast).build());
        assert_eq!((writer.account(1).await, reader.account(1).await), (None, None));
        writer.instance.chaos.hold(Operation::Release);
        writer.store.open(10).await.unwrap();
        assert_eq!((writer.account(1).await, writer.instance.health().pending_invalidations), (Some(10), 1));
        writer.instance.chaos.release(Operation::Release);
        writer.until_all_is_delivered().await;
        until("the reader has dropped the entry", || reader.store.peek_account(1) != Some(None)).await;
        assert_eq!(reader.account(1).await, Some(10));
    }
}

/// A session token contains the scopes that a result named.
#[tokio::test]
async fn r8_a_session_reads_the_targets_of_its_result_on_another_instance() {
    for world in World::each(None) {
        let accounts = Arc::new(Accounts::default());
        let (writer, reader) = (world.branch(&accounts).await, world.branch(&accounts).await);
        assert_eq!(reader.account(1).await, None);
        reader.instance.chaos.lose_bus();
        let (_, token) = writer.instance.cache.track(writer.store.open(10)).await;
        assert_eq!(reader.account(1).await, None, "without the token");
        assert!(reader.instance.cache.observe(&token));
        assert_eq!(reader.account(1).await, Some(10));
    }
}

/// A region whose write guards the test uses directly.
struct Manual {
    instance: Instance,
    region: Region<u64, u64>,
}

impl Manual {
    async fn new(world: &World) -> Self {
        let instance = world.instance_with_lock(LONG).await;
        let region = instance.cache.region("race:pending", "manual", ReadPolicy::new(LONG));
        Self { instance, region }
    }

    fn method(&self) -> Scope {
        self.region.scope_prefix(&())
    }

    async fn begin(&self) -> WriteGuard {
        WriteGuard::begin(&self.instance.cache, Vec::new(), vec![self.method()]).await
    }

    async fn read(&self, value: u64) -> u64 {
        self.region.get_or_load(&1, move || async move { Ok::<_, cache_core::Error>(value) }).await.unwrap()
    }
}

#[tokio::test]
async fn a_committed_guard_invalidates_its_methods_and_a_rolled_back_one_does_not() {
    for world in World::each(None) {
        let (writer, reader) = (Manual::new(&world).await, Manual::new(&world).await);
        assert_eq!((writer.read(10).await, reader.read(10).await), (10, 10));
        writer.begin().await.rolled_back().await;
        assert_eq!((writer.read(20).await, reader.read(20).await), (10, 10));
        writer.begin().await.committed().await;
        assert_eq!(writer.read(20).await, 20);
        until("the reader has dropped the entry", || reader.region.peek(&&1).is_none()).await;
        assert_eq!(reader.read(30).await, 20, "from the shared tier");
    }
}

/// Outside a runtime a dropped guard cannot start a task: the journal keeps the invalidation.
#[tokio::test]
async fn a_guard_may_be_dropped_outside_a_runtime() {
    let lease = Duration::from_secs(1);
    for world in World::each(None) {
        let mut writer = Manual::new(&world).await;
        writer.instance = world.instance_with_lease(lease).await;
        let reader = Manual::new(&world).await;
        assert_eq!(reader.read(10).await, 10);
        let guard = writer.begin().await;
        std::thread::spawn(move || drop(guard)).join().unwrap();
        assert_eq!(writer.instance.health().pending_invalidations, 1);
        world.two_heartbeats(&writer.instance, lease).await;
        until("the journal is delivered", || writer.instance.health().pending_invalidations == 0).await;
        until("the reader has dropped the entry", || reader.region.peek(&&1).is_none()).await;
    }
}

/// Drops the caller of an explicit invalidation during the round trip.
///
/// Returns what another instance reads then.
async fn dropped_invalidation(world: World, is_everything: bool, is_finished: bool) -> Option<u64> {
    let accounts = Arc::new(Accounts::default());
    let (writer, reader) = (world.branch(&accounts).await, world.branch(&accounts).await);
    assert_eq!((writer.account(1).await, reader.account(1).await), (None, None));
    let received = reader.instance.cache.invalidations_received();
    Accounts::open_past_the_cache(&accounts, 10).await;
    writer.instance.chaos.hold(Operation::Invalidate);
    let store = Arc::clone(&writer.store);
    let has_ended = AtomicBool::new(false);
    let mut call = Box::pin(async {
        if is_everything {
            store.invalidate_all().await;
        } else {
            store.invalidate_account(1).await;
        }
        has_ended.store(true, Ordering::SeqCst);
    });
    polled(1, &mut call).await;
    drop(call);
    assert!(!has_ended.load(Ordering::SeqCst));
    assert!(writer.store.peek_account(1).is_none(), "its own instance invalidates at the first poll");
    let is_begun = || writer.instance.chaos.begun(Operation::Invalidate) == 1;
    until("the invalidation has begun", is_begun).await;
    writer.instance.chaos.release(Operation::Invalidate);
    if is_finished {
        until("the reader has received the message", || reader.instance.cache.invalidations_received() > received)
            .await;
    } else {
        // In the control the invalidation ended with its caller, so no message follows.
        tokio::task::yield_now().await;
    }
    reader.account(1).await
}

#[tokio::test]
async fn r35_an_explicit_invalidation_finishes_without_its_caller() {
    for is_everything in [false, true] {
        for world in World::each(None) {
            assert_eq!(dropped_invalidation(world, is_everything, true).await, Some(10));
        }
        for world in World::each(Some(Protection::InvalidationTask)) {
            assert_eq!(
                dropped_invalidation(world, is_everything, false).await,
                None,
                "the control must see the absence"
            );
        }
    }
}
