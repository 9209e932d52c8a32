//! Refresh ahead, stale while revalidate, stale if error: what answers before and after the end of an entry's life.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cache_core::testing::{ChaosRemote, ManualClock, Protection};
use cache_core::{Cache, CacheBuilder, MemoryRemote, ReadPolicy, cached_store};

use super::register::{CachingRegister, RegisterError, Rows, Stop};
use super::sync_points::until;

/// Instances on one shared tier in memory, or a single one, with a clock that the test advances.
pub(super) struct Fleet {
    pub(super) rows: Arc<Rows>,
    pub(super) clock: ManualClock,
    pub(super) caches: Vec<Cache>,
    pub(super) stores: Vec<CachingRegister<Rows>>,
}

pub(super) const LEASE: Duration = Duration::from_hours(10);
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn builder(clock: &ManualClock) -> CacheBuilder {
    Cache::builder().lease(LEASE).clock(clock.clone()).read_timeout(PATIENCE).write_timeout(PATIENCE)
}

impl Fleet {
    pub(super) async fn of(
        instances: usize,
        without: Option<Protection>,
        policy: fn(ReadPolicy) -> ReadPolicy,
    ) -> Self {
        let clock = ManualClock::new();
        let remote = MemoryRemote::with_clock(clock.clone());
        let one = |_| builder(&clock).without(without).remote(remote.clone()).build().unwrap();
        let caches = (0..instances).map(one).collect();
        Self::over(clock, caches, policy).await
    }

    /// Two instances that have the row's value of this moment, and the tier of the second.
    async fn with_chaos(policy: fn(ReadPolicy) -> ReadPolicy) -> (Self, ChaosRemote) {
        let clock = ManualClock::new();
        let remote = MemoryRemote::with_clock(clock.clone());
        let chaos = ChaosRemote::new(remote.clone());
        let caches = [builder(&clock).remote(remote), builder(&clock).remote(chaos.clone())];
        let fleet = Self::over(clock, caches.map(|cache| cache.build().unwrap()).into(), policy).await;
        fleet.fill().await;
        (fleet, chaos)
    }

    pub(super) async fn single(policy: fn(ReadPolicy) -> ReadPolicy) -> Self {
        let clock = ManualClock::new();
        let cache = Cache::single_instance_with_clock(clock.clone());
        Self::over(clock, vec![cache], policy).await
    }

    async fn over(clock: ManualClock, caches: Vec<Cache>, policy: fn(ReadPolicy) -> ReadPolicy) -> Self {
        let rows = Arc::<Rows>::default();
        rows.seed(1, 10);
        let exact = move |annotated: ReadPolicy| policy(annotated.ttl(seconds(100)).jitter_percent(0));
        let stores = caches.iter().map(|cache| CachingRegister::builder(Arc::clone(&rows), cache).get(exact).build());
        let fleet = Self { stores: stores.collect(), rows, clock, caches };
        for cache in &fleet.caches {
            let _ = cache.connected(PATIENCE).await;
        }
        fleet
    }

    /// One and three instances, each of which has the row's value of this moment.
    pub(super) async fn each(policy: fn(ReadPolicy) -> ReadPolicy) -> [Self; 2] {
        let fleets = [Self::single(policy).await, Self::of(3, None, policy).await];
        for fleet in &fleets {
            fleet.fill().await;
        }
        fleets
    }

    pub(super) async fn fill(&self) {
        for store in &self.stores {
            assert_eq!(store.get(1).await, Ok(Some(10)));
            let filled = || self.caches.len() == 1 || self.stats(0).fills == 1;
            until("the value is in the shared tier", filled).await;
        }
        assert_eq!(self.rows.loads(), 1);
    }

    pub(super) fn stats(&self, instance: usize) -> cache_core::MethodStats {
        self.caches[instance].stats().method("Register", "get")
    }

    pub(super) async fn get(&self, instance: usize) -> Result<Option<u64>, RegisterError> {
        self.stores[instance].get(1).await
    }

    pub(super) fn advance(&self, span: u64) {
        self.clock.advance(seconds(span));
    }

    pub(super) async fn refreshed(&self, instance: usize, value: Option<u64>) {
        until("the entry is refreshed", || self.stores[instance].peek_get(1) == Some(value)).await;
    }
}

fn ahead(policy: ReadPolicy) -> ReadPolicy {
    policy.refresh_after(seconds(80))
}

fn stale(policy: ReadPolicy) -> ReadPolicy {
    policy.stale_while_revalidate(seconds(1000))
}

fn tolerant(policy: ReadPolicy) -> ReadPolicy {
    policy.stale_if_error(seconds(1000))
}

#[tokio::test]
async fn the_first_read_of_a_due_entry_refreshes_it_in_the_background() {
    for fleet in Fleet::each(ahead).await {
        fleet.rows.seed(1, 20);
        fleet.advance(79);
        assert_eq!((fleet.get(0).await, fleet.stats(0).refreshes), (Ok(Some(10)), 0), "it is too young");
        fleet.advance(2);
        let load = fleet.rows.stop_next(Stop::AfterRead);
        for _ in 0..10 {
            assert_eq!(fleet.get(0).await, Ok(Some(10)), "no read waits for the refresh");
        }
        load.reached().await;
        load.open();
        fleet.refreshed(0, Some(20)).await;
        assert_eq!((fleet.rows.loads(), fleet.stats(0).refreshes, fleet.stats(0).stale_hits), (2, 1, 0));
        fleet.advance(79);
        assert_eq!((fleet.get(0).await, fleet.rows.loads()), (Ok(Some(20)), 2), "it has a whole life again");
    }
}

#[tokio::test]
async fn an_entry_without_a_read_is_not_refreshed() {
    for fleet in Fleet::each(ahead).await {
        fleet.advance(101);
        fleet.rows.seed(1, 20);
        assert_eq!((fleet.get(0).await, fleet.stats(0).refreshes), (Ok(Some(20)), 0));
    }
}

#[tokio::test]
async fn a_percentage_concerns_absences_too() {
    fn policy(policy: ReadPolicy) -> ReadPolicy {
        policy.negative_ttl(seconds(10)).refresh_after_percent(80)
    }
    for fleet in [Fleet::single(policy).await, Fleet::of(2, None, policy).await] {
        let store = &fleet.stores[0];
        assert_eq!(store.get(2).await, Ok(None));
        fleet.rows.seed(2, 20);
        fleet.advance(9);
        assert_eq!(store.get(2).await, Ok(None));
        until("the absence is refreshed", || store.peek_get(2) == Some(Some(20))).await;
    }
}

#[tokio::test]
async fn what_another_instance_has_refreshed_is_not_loaded_again() {
    let fleet = Fleet::of(2, None, ahead).await;
    fleet.fill().await;
    fleet.rows.seed(1, 20);
    fleet.advance(81);
    assert_eq!(fleet.get(0).await, Ok(Some(10)));
    until("the new value is in the shared tier", || fleet.stats(0).fills == 2).await;
    assert_eq!(fleet.get(1).await, Ok(Some(10)));
    fleet.refreshed(1, Some(20)).await;
    assert_eq!((fleet.rows.loads(), fleet.stats(1).refreshes), (2, 0));
}

#[tokio::test]
async fn an_expired_value_answers_while_it_is_loaded_again() {
    for fleet in Fleet::each(stale).await {
        fleet.rows.seed(1, 20);
        fleet.advance(900);
        let last = fleet.stores.len() - 1;
        for instance in 0..=last {
            assert_eq!(fleet.get(instance).await, Ok(Some(10)), "instance {instance}");
            fleet.refreshed(instance, Some(20)).await;
        }
        assert_eq!((fleet.stats(0).stale_hits, fleet.rows.loads()), (1, 2), "one load for the fleet");
        fleet.advance(1101);
        fleet.rows.seed(1, 30);
        assert_eq!(fleet.get(0).await, Ok(Some(30)), "it is too old");
    }
}

#[tokio::test]
async fn the_shared_tier_answers_with_an_expired_value_too() {
    let fleet = Fleet::of(2, None, stale).await;
    assert_eq!(fleet.get(0).await, Ok(Some(10)));
    until("the value is in the shared tier", || fleet.stats(0).fills == 1).await;
    fleet.rows.seed(1, 20);
    fleet.advance(500);
    assert_eq!(fleet.get(1).await, Ok(Some(10)));
    assert_eq!((fleet.stats(1).shared_hits, fleet.stats(1).stale_hits), (1, 1));
    fleet.refreshed(1, Some(20)).await;
}

#[tokio::test]
async fn keys_of_a_batch_are_refreshed_in_one_call() {
    for fleet in [Fleet::single(ahead).await, Fleet::of(2, None, ahead).await] {
        let store = &fleet.stores[0];
        fleet.rows.seed(2, 20);
        store.get_many(&[1, 2]).await.unwrap();
        fleet.advance(81);
        fleet.rows.seed(2, 21);
        assert_eq!(store.get_many(&[1, 2, 1]).await.unwrap(), [(1, 10), (2, 20)].into());
        until("both are refreshed", || store.peek_get(2) == Some(Some(21))).await;
        assert_eq!(fleet.rows.batches().len(), 2);
        assert_eq!(fleet.stats(0).refreshes, 2);
    }
}

/// Holds a refresh that has read the old value while the row is written, and returns what each instance reads then.
async fn refresh_overtaken_by_a_write(without: Option<Protection>) -> [Option<u64>; 2] {
    let fleet = Fleet::of(3, without, ahead).await;
    assert_eq!(fleet.get(0).await, Ok(Some(10)));
    until("the value is in the shared tier", || fleet.stats(0).fills == 1).await;
    fleet.advance(81);
    let load = fleet.rows.stop_next(Stop::AfterRead);
    assert_eq!(fleet.get(0).await, Ok(Some(10)));
    load.reached().await;
    let received = fleet.caches[0].invalidations_received();
    fleet.stores[1].set(1, 20).await.unwrap();
    until("the invalidation is received", || fleet.caches[0].invalidations_received() > received).await;
    load.open();
    until("the refresh has stored what it read", || fleet.stats(0).fills == 2).await;
    [fleet.get(2).await.unwrap(), fleet.get(0).await.unwrap()]
}

#[tokio::test]
async fn r43_a_refresh_does_not_outlive_a_write() {
    assert_eq!(refresh_overtaken_by_a_write(None).await, [Some(20), Some(20)]);
    let [shared, _] = refresh_overtaken_by_a_write(Some(Protection::Fence)).await;
    assert_eq!(shared, Some(10), "the control must see the stale value in the shared tier");
    let [_, local] = refresh_overtaken_by_a_write(Some(Protection::SequenceCheck)).await;
    assert_eq!(local, Some(10), "the control must see the stale value in the local tier");
}

/// Writes while every instance may answer with an expired value, and returns what they read then.
async fn write_over_stale_values(without: Option<Protection>) -> Vec<Option<u64>> {
    let fleet = Fleet::of(3, without, stale).await;
    assert_eq!(fleet.get(0).await, Ok(Some(10)));
    until("the value is in the shared tier", || fleet.stats(0).fills == 1).await;
    fleet.advance(500);
    let received = fleet.caches[0].invalidations_received();
    fleet.stores[1].set(1, 20).await.unwrap();
    until("the invalidation is received", || fleet.caches[0].invalidations_received() > received).await;
    let mut read = Vec::new();
    for instance in [2, 1, 0] {
        read.push(fleet.get(instance).await.unwrap());
    }
    read
}

#[tokio::test]
async fn r44_a_write_ends_the_staleness_of_every_instance_at_once() {
    assert_eq!(write_over_stale_values(None).await, [Some(20), Some(20), Some(20)]);
    let read = write_over_stale_values(Some(Protection::StaleFence)).await;
    assert_eq!(read[0], Some(10), "the control must see the stale value in the shared tier");
}

/// Invalidates a whole method while an instance may answer with an expired value of its local tier.
async fn wide_invalidation_over_a_stale_value(without: Option<Protection>) -> Option<u64> {
    let fleet = Fleet::of(2, without, stale).await;
    fleet.fill().await;
    fleet.advance(500);
    let received = fleet.caches[0].invalidations_received();
    fleet.rows.seed(1, 20);
    fleet.stores[1].invalidate_all().await;
    until("the invalidation is received", || fleet.caches[0].invalidations_received() > received).await;
    fleet.get(0).await.unwrap()
}

#[tokio::test]
async fn r44_a_wide_invalidation_ends_the_staleness_in_the_local_tier() {
    assert_eq!(wide_invalidation_over_a_stale_value(None).await, Some(20));
    let control = wide_invalidation_over_a_stale_value(Some(Protection::StaleFence)).await;
    assert_eq!(control, Some(10), "the control must see the stale value");
}

/// A request of a session that has written on another instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brings {
    Token,
    Nothing,
}

impl Brings {
    /// Writes on the first instance of the fleet, and continues the session on the second.
    async fn write(self, fleet: &Fleet) {
        let (written, token) = fleet.caches[0].track(fleet.stores[0].set(1, 20)).await;
        written.unwrap();
        if self == Self::Token {
            assert!(fleet.caches[1].observe(&token), "the write has reached the shared tier");
        }
    }
}

type Answer = Result<Option<u64>, RegisterError>;

/// Writes while an instance answers with an expired value and receives no invalidation.
///
/// Returns what the session reads on that instance before the write and after it.
async fn session_over_a_stale_value(
    policy: fn(ReadPolicy) -> ReadPolicy,
    store_fails: bool,
    brings: Brings,
) -> [Answer; 2] {
    let (fleet, chaos) = Fleet::with_chaos(policy).await;
    fleet.advance(500);
    // It must answer with the expired value before and after the write, so it must not replace that one.
    fleet.rows.fails.store(true, Ordering::SeqCst);
    let before = fleet.get(1).await;
    until("the store has failed", || fleet.stats(1).load_errors == 1).await;
    fleet.rows.fails.store(store_fails, Ordering::SeqCst);
    chaos.hold_bus();
    brings.write(&fleet).await;
    [before, fleet.get(1).await]
}

#[tokio::test]
async fn r8_a_session_token_ends_the_staleness_of_a_value() {
    let old = Ok(Some(10));
    let table = [(stale as fn(_) -> _, false, Ok(Some(20))), (tolerant, true, Err(RegisterError::Lost))];
    for (policy, store_fails, expected) in table {
        let read = session_over_a_stale_value(policy, store_fails, Brings::Token).await;
        assert_eq!(read, [old.clone(), expected]);
        let control = session_over_a_stale_value(policy, store_fails, Brings::Nothing).await;
        assert_eq!(
            control,
            [old.clone(), old.clone()],
            "the control, a session without a token, must see the old value"
        );
    }
}

/// Writes while a load that will fail is in progress on an instance that receives no invalidation.
///
/// Returns what that load answers its reader, and what the session reads afterwards.
async fn session_during_a_load_that_fails(brings: Brings) -> [Answer; 2] {
    let (fleet, chaos) = Fleet::with_chaos(tolerant).await;
    fleet.advance(500);
    fleet.rows.fails.store(true, Ordering::SeqCst);
    let load = fleet.rows.stop_next(Stop::AfterRead);
    let reader = tokio::spawn({
        let store = fleet.stores[1].clone();
        async move { store.get(1).await }
    });
    load.reached().await;
    chaos.hold_bus();
    brings.write(&fleet).await;
    load.open();
    [reader.await.unwrap(), fleet.get(1).await]
}

#[tokio::test]
async fn r8_a_session_token_ends_the_staleness_during_a_load() {
    let (old, lost) = (Ok(Some(10)), Err(RegisterError::Lost));
    assert_eq!(session_during_a_load_that_fails(Brings::Token).await, [lost.clone(), lost]);
    let control = session_during_a_load_that_fails(Brings::Nothing).await;
    assert_eq!(control, [old.clone(), old], "the control, a session without a token, must see the old value");
}

#[tokio::test]
async fn no_read_waits_for_a_refresh() {
    for fleet in Fleet::each(ahead).await {
        fleet.advance(81);
        let load = fleet.rows.stop_next(Stop::AfterRead);
        assert_eq!(fleet.get(0).await, Ok(Some(10)));
        load.reached().await;
        fleet.stores[0].set(1, 20).await.unwrap();
        assert_eq!(fleet.get(0).await, Ok(Some(20)), "it loads for itself while the refresh hangs");
        load.open();
    }
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_value_and_pauses() {
    for fleet in Fleet::each(ahead).await {
        fleet.rows.fails.store(true, Ordering::SeqCst);
        fleet.advance(81);
        for _ in 0..10 {
            assert_eq!(fleet.get(0).await, Ok(Some(10)));
            until("the refresh has failed", || fleet.stats(0).refresh_errors == 1).await;
        }
        fleet.advance(9);
        assert_eq!((fleet.get(0).await, fleet.stats(0).refreshes), (Ok(Some(10)), 1), "the key has a pause");
        fleet.rows.fails.store(false, Ordering::SeqCst);
        fleet.rows.seed(1, 20);
        fleet.advance(1);
        assert_eq!(fleet.get(0).await, Ok(Some(10)));
        fleet.refreshed(0, Some(20)).await;
        assert_eq!(fleet.rows.loads(), 3);
    }
}

#[tokio::test]
async fn an_expired_value_answers_in_place_of_an_outage() {
    for fleet in Fleet::each(tolerant).await {
        let last = fleet.stores.len() - 1;
        fleet.rows.seed(1, 20);
        fleet.advance(900);
        fleet.rows.fails.store(true, Ordering::SeqCst);
        assert_eq!(fleet.get(last).await, Ok(Some(10)));
        assert_eq!((fleet.stats(last).stale_if_error, fleet.stats(last).load_errors), (1, 1));
        assert_eq!(fleet.get(last).await, Ok(Some(10)), "for a second it answers at once");
        assert_eq!((fleet.rows.loads(), fleet.stats(last).stale_hits), (2, 1));
        fleet.advance(1);
        assert_eq!((fleet.get(last).await, fleet.rows.loads()), (Ok(Some(10)), 3), "then the store is asked again");
        fleet.rows.fails.store(false, Ordering::SeqCst);
        fleet.advance(1);
        assert_eq!(fleet.get(last).await, Ok(Some(20)));
        fleet.rows.fails.store(true, Ordering::SeqCst);
        fleet.advance(1101);
        assert_eq!(fleet.get(last).await, Err(RegisterError::Lost), "it is too old");
    }
}

#[tokio::test]
async fn an_expired_value_of_the_shared_tier_answers_in_place_of_an_outage() {
    let fleet = Fleet::of(2, None, tolerant).await;
    assert_eq!(fleet.get(0).await, Ok(Some(10)));
    until("the value is in the shared tier", || fleet.stats(0).fills == 1).await;
    fleet.advance(900);
    fleet.rows.fails.store(true, Ordering::SeqCst);
    assert_eq!((fleet.get(1).await, fleet.stats(1).stale_if_error), (Ok(Some(10)), 1));
}

#[tokio::test]
async fn an_error_that_is_an_answer_reaches_the_caller() {
    for fleet in Fleet::each(tolerant).await {
        fleet.advance(900);
        fleet.rows.refuses.store(true, Ordering::SeqCst);
        assert_eq!((fleet.get(0).await, fleet.stats(0).stale_if_error), (Err(RegisterError::Refused), 0));
    }
}

#[tokio::test]
async fn no_expired_value_answers_after_a_write_or_for_a_fresh_read() {
    for fleet in Fleet::each(tolerant).await {
        fleet.advance(900);
        fleet.rows.fails.store(true, Ordering::SeqCst);
        assert_eq!(fleet.stores[0].fresh().get(1).await, Err(RegisterError::Lost));
        fleet.stores[0].set(1, 20).await.unwrap();
        assert_eq!(fleet.get(0).await, Err(RegisterError::Lost));
    }
}

#[tokio::test]
async fn a_load_that_succeeds_ends_the_second_after_an_outage() {
    for fleet in Fleet::each(tolerant).await {
        fleet.rows.seed(1, 20);
        fleet.advance(900);
        fleet.rows.fails.store(true, Ordering::SeqCst);
        assert_eq!(fleet.get(0).await, Ok(Some(10)));
        fleet.rows.fails.store(false, Ordering::SeqCst);
        assert_eq!(fleet.stores[0].get(2).await, Ok(None), "another key is loaded");
        assert_eq!(fleet.get(0).await, Ok(Some(20)));
    }
}

#[tokio::test]
async fn no_expired_value_answers_if_it_is_invalidated_during_the_load() {
    let fleet = Fleet::of(2, None, tolerant).await;
    assert_eq!(fleet.get(0).await, Ok(Some(10)));
    until("the value is in the shared tier", || fleet.stats(0).fills == 1).await;
    fleet.advance(900);
    fleet.rows.fails.store(true, Ordering::SeqCst);
    let load = fleet.rows.stop_next(Stop::AfterRead);
    let reader = tokio::spawn({
        let store = fleet.stores[1].clone();
        async move { store.get(1).await }
    });
    load.reached().await;
    let received = fleet.caches[1].invalidations_received();
    fleet.stores[0].set(1, 20).await.unwrap();
    until("the invalidation is received", || fleet.caches[1].invalidations_received() > received).await;
    load.open();
    assert_eq!(reader.await.unwrap(), Err(RegisterError::Lost));
}

#[tokio::test]
async fn a_batch_fails_unless_every_key_has_an_expired_value() {
    for fleet in [Fleet::single(tolerant).await, Fleet::of(2, None, tolerant).await] {
        let store = &fleet.stores[0];
        fleet.rows.seed(2, 20);
        store.get_many(&[1, 2]).await.unwrap();
        fleet.advance(900);
        fleet.rows.fails.store(true, Ordering::SeqCst);
        assert_eq!(store.get_many(&[1, 2]).await.unwrap(), [(1, 10), (2, 20)].into());
        fleet.advance(1);
        assert_eq!(store.get_many(&[1, 2, 3]).await, Err(RegisterError::Lost));
    }
}

#[tokio::test]
async fn each_option_has_a_bound_of_its_own_in_both_tiers() {
    fn policy(policy: ReadPolicy) -> ReadPolicy {
        policy.stale_while_revalidate(seconds(10)).stale_if_error(seconds(1000))
    }
    let fleet = Fleet::of(3, None, policy).await;
    assert_eq!(fleet.get(0).await, Ok(Some(10)));
    until("the value is in the shared tier", || fleet.stats(0).fills == 1).await;
    fleet.advance(109);
    fleet.rows.fails.store(true, Ordering::SeqCst);
    assert_eq!(fleet.get(1).await, Ok(Some(10)), "it is loaded again");
    until("that has failed", || fleet.stats(1).refresh_errors == 1).await;
    fleet.rows.fails.store(false, Ordering::SeqCst);
    fleet.rows.seed(1, 20);
    fleet.advance(2);
    assert_eq!(fleet.get(1).await, Ok(Some(20)), "the copy is as old as the entry that it comes from");
    fleet.advance(600);
    fleet.rows.seed(1, 30);
    assert_eq!(fleet.get(2).await, Ok(Some(30)), "only an error lets it answer");
}

#[tokio::test]
async fn degraded_entries_answer_with_any_option() {
    for policy in [ahead, stale, tolerant] {
        let (clock, rows) = (ManualClock::new(), Arc::<Rows>::default());
        rows.seed(1, 10);
        let cache = Cache::builder().clock(clock.clone()).redis("redis://127.0.0.1:1").build().unwrap();
        let exact = |annotated: ReadPolicy| policy(annotated.ttl(seconds(100)).jitter_percent(0));
        let store = CachingRegister::builder(Arc::clone(&rows), &cache).get(exact).build();
        for _ in 0..3 {
            assert_eq!(store.get(1).await, Ok(Some(10)));
        }
        assert_eq!(rows.loads(), 1, "{:?}", cache.stats());
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what `visible_if` takes")]
fn is_for(_: &u64, _: &u64, reader: &u64) -> bool {
    *reader == 1
}

/// A store whose errors cannot represent those of the cache, and whose values are not for every reader.
#[cached_store(namespace = "race:aging")]
trait Aging: Send + Sync {
    #[cached(
        entity = "value",
        key(key),
        ignore(reader),
        ttl = "100s",
        jitter = 0,
        refresh_after = "80%",
        visible_if = is_for
    )]
    async fn read(&self, key: u64, reader: u64) -> Result<u64, String>;
}

#[derive(Debug, Default)]
struct Numbers {
    calls: AtomicU64,
    hangs: AtomicBool,
}

impl Aging for Numbers {
    async fn read(&self, _: u64, _: u64) -> Result<u64, String> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(self.calls.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// Two instances, the first of which has read a value that is due by now.
async fn due(change: fn(CacheBuilder) -> CacheBuilder) -> (ManualClock, [Cache; 2], [CachingAging<Numbers>; 2]) {
    let (clock, numbers) = (ManualClock::new(), Arc::<Numbers>::default());
    let remote = MemoryRemote::with_clock(clock.clone());
    let caches = [(); 2].map(|()| {
        let builder = change(Cache::builder().lease(LEASE).clock(clock.clone()).read_timeout(PATIENCE));
        builder.remote(remote.clone()).build().unwrap()
    });
    let stores = caches.each_ref().map(|cache| CachingAging::new(Arc::clone(&numbers), cache));
    for cache in &caches {
        assert!(cache.connected(PATIENCE).await);
    }
    assert_eq!(stores[0].read(1, 1).await, Ok(1));
    until("the value is in the shared tier", || caches[0].stats().total().fills == 1).await;
    clock.advance(seconds(91));
    (clock, caches, stores)
}

#[tokio::test]
async fn a_reader_who_may_not_see_a_due_value_reads_the_store() {
    for change in [|builder| builder, |builder: CacheBuilder| builder.verify_one_in(1)] {
        let (_, caches, [_, store]) = due(change).await;
        assert_eq!(store.read(1, 2).await, Ok(2));
        assert_eq!(caches[1].stats().total().load_errors, 0);
    }
}

#[tokio::test]
async fn a_sampled_hit_that_is_due_is_refreshed() {
    let (_, caches, [_, store]) = due(|builder| builder.verify_one_in(1)).await;
    assert_eq!(store.read(1, 1).await, Ok(1));
    until("it is refreshed", || store.peek_read(1, 1) == Some(2)).await;
    let counted = caches[1].stats().total();
    assert_eq!((counted.refreshes, counted.refresh_errors), (1, 0), "{counted:?}");
}

#[tokio::test]
async fn a_refresh_has_a_deadline_whatever_the_error_type() {
    let (clock, caches, [store, _]) = due(|builder| builder.load_deadline(seconds(5))).await;
    store.backing().hangs.store(true, Ordering::SeqCst);
    assert_eq!(store.read(1, 1).await, Ok(1));
    until("the refresh has begun", || caches[0].stats().total().refreshes == 1).await;
    let ended = || {
        clock.advance(Duration::from_millis(10));
        caches[0].stats().total().refresh_errors == 1
    };
    until("the refresh ends without its store", ended).await;
}

#[tokio::test]
async fn the_refreshes_of_a_cache_are_limited() {
    for (limit, refreshes) in [(0, 0), (1, 1), (usize::MAX, 2)] {
        let (clock, rows) = (ManualClock::new(), Arc::<Rows>::default());
        let builder = Cache::builder().clock(clock.clone()).lease(LEASE).refreshes(limit);
        let cache = builder.remote(MemoryRemote::with_clock(clock.clone())).build().unwrap();
        let policy = |policy: ReadPolicy| stale(ahead(policy.ttl(seconds(100)).jitter_percent(0)));
        let store = CachingRegister::builder(Arc::clone(&rows), &cache).get(policy).build();
        assert!(cache.connected(PATIENCE).await);
        for key in [1, 2] {
            rows.seed(key, 10);
            store.get(key).await.unwrap();
        }
        let stats = || cache.stats().method("Register", "get");
        until("both are in the shared tier", || stats().fills == 2).await;
        clock.advance(seconds(81));
        let load = rows.stop_next(Stop::AfterRead);
        assert_eq!(store.get(1).await, Ok(Some(10)));
        if limit > 0 {
            load.reached().await;
        }
        assert_eq!(store.get(2).await, Ok(Some(10)));
        until("the refreshes have begun", || stats().refreshes == refreshes).await;
        assert_eq!(stats().refreshes_skipped, u64::from(limit == 1), "at most {limit}");
        load.open();
        if limit == 0 {
            rows.seed(2, 20);
            clock.advance(seconds(20));
            assert_eq!(store.get(2).await, Ok(Some(20)), "nothing expired answers if nothing is refreshed");
        }
    }
}

#[tokio::test]
async fn no_expired_value_answers_while_the_local_tier_is_not_trusted() {
    let fleet = Fleet::of(1, None, stale).await;
    fleet.fill().await;
    fleet.rows.seed(1, 20);
    fleet.clock.advance(LEASE);
    fleet.clock.advance(LEASE);
    assert_eq!(fleet.get(0).await, Ok(Some(20)));
}
