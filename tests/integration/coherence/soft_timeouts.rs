//! `soft_timeout`: an expired value in place of a load that takes long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cache_core::testing::{ManualClock, Protection};
use cache_core::{Cache, LoadError, ReadPolicy, cached_store};
use tokio::task::JoinHandle;

use super::freshness::{Fleet, seconds};
use super::register::{RegisterError, Stop};
use super::sync_points::{SyncPoint, pass, until};

const SOFT: Duration = Duration::from_millis(50);
/// A little less.
const SHORTER: Duration = Duration::from_millis(49);

fn soft(policy: ReadPolicy) -> ReadPolicy {
    policy.stale_if_error(seconds(1000)).soft_timeout(SOFT)
}

type Read<T> = JoinHandle<Result<T, RegisterError>>;

/// Begins a read of the row, whose load stops with its answer.
async fn slow_read(fleet: &Fleet, instance: usize) -> (Read<Option<u64>>, Arc<SyncPoint>) {
    let load = fleet.rows.stop_next(Stop::AfterRead);
    let store = fleet.stores[instance].clone();
    let read = tokio::spawn(async move { store.get(1).await });
    load.reached().await;
    // The timer of the soft timeout begins when the load waits.
    pass(&fleet.clock, Duration::ZERO).await;
    (read, load)
}

/// Fleets with an expired value of 10, whose row is 20 by now.
async fn expired(policy: fn(ReadPolicy) -> ReadPolicy) -> [Fleet; 2] {
    let fleets = Fleet::each(policy).await;
    for fleet in &fleets {
        fleet.rows.seed(1, 20);
        fleet.advance(900);
    }
    fleets
}

#[tokio::test]
async fn a_caller_waits_for_the_soft_timeout_and_the_load_goes_on() {
    for fleet in expired(soft).await {
        let (read, load) = slow_read(&fleet, 0).await;
        pass(&fleet.clock, SHORTER).await;
        assert!(!read.is_finished(), "it waits for the load at first");
        pass(&fleet.clock, Duration::from_millis(1)).await;
        assert!(read.is_finished(), "it waits no longer");
        assert_eq!(read.await.unwrap(), Ok(Some(10)));
        let stats = fleet.stats(0);
        assert_eq!((stats.stale_if_slow, stats.stale_if_error, stats.load_errors), (1, 0, 0));
        load.open();
        fleet.refreshed(0, Some(20)).await;
        let last = fleet.stores.len() - 1;
        until("the value is in the shared tier", || last == 0 || fleet.stats(0).fills == 2).await;
        assert_eq!((fleet.get(last).await, fleet.rows.loads()), (Ok(Some(20)), 2));
    }
}

#[tokio::test]
async fn expired_values_answer_for_a_second_without_a_call_of_a_slow_store() {
    for fleet in expired(soft).await {
        let (read, first) = slow_read(&fleet, 0).await;
        pass(&fleet.clock, SOFT).await;
        assert_eq!(read.await.unwrap(), Ok(Some(10)));
        for _ in 0..10 {
            pass(&fleet.clock, Duration::from_millis(99)).await;
            assert_eq!((fleet.get(0).await, fleet.rows.loads()), (Ok(Some(10)), 2));
        }
        assert_eq!((fleet.stats(0).stale_hits, fleet.stats(0).refreshes), (10, 0));
        pass(&fleet.clock, Duration::from_millis(10)).await;
        let (read, second) = slow_read(&fleet, 0).await;
        assert_eq!(fleet.rows.loads(), 3, "then one more call");
        pass(&fleet.clock, SOFT).await;
        assert_eq!(read.await.unwrap(), Ok(Some(10)));
        first.open();
        fleet.refreshed(0, Some(20)).await;
        second.open();
    }
}

#[tokio::test]
async fn a_load_that_ends_in_time_answers_itself() {
    for fleet in expired(soft).await {
        let (read, load) = slow_read(&fleet, 0).await;
        pass(&fleet.clock, SHORTER).await;
        load.open();
        assert_eq!((read.await.unwrap(), fleet.stats(0).stale_if_slow), (Ok(Some(20)), 0));
    }
}

#[tokio::test]
async fn a_caller_without_an_expired_value_waits_for_the_load() {
    for fleet in Fleet::each(soft).await {
        fleet.advance(1101);
        let (read, load) = slow_read(&fleet, 0).await;
        pass(&fleet.clock, SOFT).await;
        pass(&fleet.clock, SOFT).await;
        assert!(!read.is_finished());
        load.open();
        assert_eq!(read.await.unwrap(), Ok(Some(10)));
    }
}

#[tokio::test]
async fn a_fresh_read_waits_for_the_load() {
    for fleet in expired(soft).await {
        let load = fleet.rows.stop_next(Stop::AfterRead);
        let store = fleet.stores[0].fresh();
        let read = tokio::spawn(async move { store.get(1).await });
        load.reached().await;
        pass(&fleet.clock, Duration::ZERO).await;
        pass(&fleet.clock, SOFT).await;
        assert!(!read.is_finished());
        load.open();
        assert_eq!(read.await.unwrap(), Ok(Some(20)));
    }
}

/// Invalidates the expired value while a load that may answer with it is in progress.
async fn invalidate_during(fleet: &Fleet) {
    let received = fleet.caches[0].invalidations_received();
    fleet.stores[fleet.stores.len() - 1].set(1, 30).await.unwrap();
    let is_alone = fleet.stores.len() == 1;
    until("the invalidation is received", || is_alone || fleet.caches[0].invalidations_received() > received).await;
}

#[tokio::test]
async fn no_value_that_was_invalidated_during_the_load_answers() {
    for fleet in expired(soft).await {
        let (read, load) = slow_read(&fleet, 0).await;
        invalidate_during(&fleet).await;
        pass(&fleet.clock, SOFT).await;
        assert!(!read.is_finished());
        load.open();
        assert_eq!(read.await.unwrap(), Ok(Some(20)), "the caller began before the write");
        assert_eq!(fleet.get(0).await, Ok(Some(30)));
    }
}

/// Writes the row after the soft timeout of a load that has read the old one; returns what each instance reads then.
async fn write_during_a_late_load(without: Option<Protection>) -> [Option<u64>; 2] {
    let fleet = Fleet::of(3, without, soft).await;
    assert_eq!(fleet.get(0).await, Ok(Some(10)));
    until("the value is in the shared tier", || fleet.stats(0).fills == 1).await;
    fleet.rows.seed(1, 20);
    fleet.advance(900);
    let (read, load) = slow_read(&fleet, 0).await;
    pass(&fleet.clock, SOFT).await;
    assert_eq!(read.await.unwrap(), Ok(Some(10)));
    invalidate_during(&fleet).await;
    load.open();
    until("the load has stored what it read", || fleet.stats(0).fills == 2).await;
    [fleet.get(1).await.unwrap(), fleet.get(0).await.unwrap()]
}

#[tokio::test]
async fn r43_a_load_behind_its_callers_does_not_outlive_a_write() {
    assert_eq!(write_during_a_late_load(None).await, [Some(30), Some(30)]);
    let [shared, _] = write_during_a_late_load(Some(Protection::Fence)).await;
    assert_eq!(shared, Some(20), "the control must see the stale value in the shared tier");
    let [_, local] = write_during_a_late_load(Some(Protection::SequenceCheck)).await;
    assert_eq!(local, Some(20), "the control must see the stale value in the local tier");
}

#[tokio::test]
async fn a_late_load_that_fails_leaves_the_old_value_and_notes_an_outage() {
    for fleet in expired(soft).await {
        let (read, load) = slow_read(&fleet, 0).await;
        pass(&fleet.clock, SOFT).await;
        assert_eq!(read.await.unwrap(), Ok(Some(10)));
        pass(&fleet.clock, Duration::from_millis(900)).await;
        fleet.rows.fails.store(true, Ordering::SeqCst);
        load.open();
        until("the load has failed", || fleet.stats(0).load_errors == 1).await;
        pass(&fleet.clock, Duration::from_millis(900)).await;
        assert_eq!((fleet.get(0).await, fleet.rows.loads()), (Ok(Some(10)), 2), "the second begins again");
    }
}

#[tokio::test]
async fn a_late_load_that_finds_an_absence_replaces_the_value() {
    for fleet in expired(soft).await {
        fleet.rows.remove(1);
        let (read, load) = slow_read(&fleet, 0).await;
        pass(&fleet.clock, SOFT).await;
        assert_eq!(read.await.unwrap(), Ok(Some(10)));
        load.open();
        fleet.refreshed(0, None).await;
    }
}

/// Begins a read of many keys, whose load stops with its answer.
async fn slow_batch<const N: usize>(fleet: &Fleet, keys: [u64; N]) -> (Read<Vec<u64>>, Arc<SyncPoint>) {
    let load = fleet.rows.stop_next(Stop::AfterRead);
    let store = fleet.stores[0].clone();
    let read = tokio::spawn(async move { Ok(store.get_many(&keys).await?.into_values().collect()) });
    load.reached().await;
    pass(&fleet.clock, Duration::ZERO).await;
    pass(&fleet.clock, SOFT).await;
    (read, load)
}

#[tokio::test]
async fn a_batch_gets_old_values_for_all_of_its_keys_or_waits() {
    for fleet in [Fleet::single(soft).await, Fleet::of(2, None, soft).await] {
        let (store, is_single) = (&fleet.stores[0], fleet.stores.len() == 1);
        fleet.rows.seed(2, 20);
        store.get_many(&[1, 2]).await.unwrap();
        until("both are in the shared tier", || is_single || fleet.stats(0).fills == 2).await;
        for key in [1, 2] {
            fleet.rows.seed(key, 30);
        }
        fleet.advance(900);
        let (read, load) = slow_batch(&fleet, [1, 2]).await;
        assert_eq!(read.await.unwrap(), Ok(vec![10, 20]));
        assert_eq!(fleet.stats(0).stale_if_slow, 2);
        load.open();
        until("both are loaded", || [1, 2].map(|key| store.peek_get(key)) == [Some(Some(30)); 2]).await;
        fleet.advance(900);
        let (read, load) = slow_batch(&fleet, [1, 2, 3]).await;
        assert!(!read.is_finished(), "one of them has no old value");
        load.open();
        assert_eq!(read.await.unwrap(), Ok(vec![30, 30]));
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lost;

impl LoadError for Lost {
    fn is_outage(&self) -> bool {
        true
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what `visible_if` takes")]
fn is_for(_: &u64, _: &u64, reader: &u64) -> bool {
    *reader == 1
}

/// A store whose errors cannot represent those of the cache, and whose values are not for every reader.
#[cached_store(namespace = "race:soft")]
trait Partner: Send + Sync {
    #[cached(
        entity = "answer", key(key), ignore(reader), ttl = "100s", jitter = 0, stale_if_error = "1000s", soft_timeout = "50ms",
        load_deadline = "5s", visible_if = is_for
    )]
    async fn ask(&self, key: u64, reader: u64) -> Result<u64, Lost>;
}

#[derive(Debug, Default)]
struct Distant {
    hangs: AtomicBool,
    /// Lets a call that hangs return.
    returns: tokio::sync::Notify,
    calls: AtomicU64,
    dropped: AtomicU64,
}

/// Counts the end of a call that did not return.
struct Call<'a>(&'a Distant);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

impl Partner for Distant {
    async fn ask(&self, _: u64, _: u64) -> Result<u64, Lost> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if self.hangs.load(Ordering::SeqCst) {
            let _call = Call(self);
            self.returns.notified().await;
        }
        Ok(number)
    }
}

/// A decorator with an expired value, over a store that hangs by now.
async fn hanging() -> (ManualClock, CachingPartner<Distant>) {
    let clock = ManualClock::new();
    let cache = Cache::single_instance_with_clock(clock.clone());
    let store = CachingPartner::new(Arc::<Distant>::default(), &cache);
    assert_eq!(store.ask(1, 1).await, Ok(1));
    clock.advance(seconds(900));
    store.backing().hangs.store(true, Ordering::SeqCst);
    (clock, store)
}

async fn ask(clock: &ManualClock, store: &CachingPartner<Distant>, reader: u64) -> JoinHandle<Result<u64, Lost>> {
    let store = store.clone();
    let asked = tokio::spawn(async move { store.ask(1, reader).await });
    pass(clock, Duration::ZERO).await;
    pass(clock, SOFT).await;
    asked
}

#[tokio::test]
async fn a_load_that_goes_on_ends_by_its_deadline_whatever_the_error_type() {
    let (clock, store) = hanging().await;
    assert_eq!(ask(&clock, &store, 1).await.await.unwrap(), Ok(1));
    let dropped = || store.backing().dropped.load(Ordering::SeqCst);
    pass(&clock, Duration::from_millis(4900)).await;
    assert_eq!(dropped(), 0);
    pass(&clock, Duration::from_millis(100)).await;
    assert_eq!(dropped(), 1);
}

#[tokio::test]
async fn a_caller_that_may_not_see_the_expired_value_waits_for_the_load() {
    let (clock, store) = hanging().await;
    let asked = ask(&clock, &store, 2).await;
    assert!(!asked.is_finished());
    store.backing().returns.notify_one();
    assert_eq!(asked.await.unwrap(), Ok(2));
    assert_eq!(store.backing().calls.load(Ordering::SeqCst), 2);
}
