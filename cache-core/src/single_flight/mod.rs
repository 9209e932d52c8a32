//! Single flight: one look-up in progress per key, and the callers that follow it.
//!
//! A flight is a whole look-up: local tier, shared tier, load. A caller that arrives during a flight must not take its
//! outcome, since the flight may have read before that caller's read began. Such callers gather on the *next* flight.
//! One of them leads it when the current one has ended. The others arrived before it started, so they may take its
//! outcome. A key has at most two flights at a time.
//!
//! The leader's future drives a flight until its load runs in a task of its own. Such a future may be alive without
//! being polled, in a `buffered` stream or behind a `select!`. Followers give up a flight that makes no progress.

#[cfg(all(test, shuttle))]
mod interleavings;
mod outcome;
mod table;

use std::hash::BuildHasher as _;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use foldhash::fast::RandomState;
use tokio::sync::Notify;

#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "public with the feature `testing`"))]
pub use self::outcome::Source;
pub(crate) use self::outcome::{Broken, FlightOutcome, Found, Outcome, SharedError};
use self::table::{Pair, Table};
use crate::error::Error;
use crate::key::KeyPart;
use crate::runtime::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The number of shards, so that misses of different keys do not contend for one lock.
const SHARDS: usize = 16;

/// The flights of one read method.
#[derive(Debug)]
pub(crate) struct Flights<K, R> {
    shards: Box<[Mutex<Table<K, R>>]>,
    hasher: RandomState,
    /// Whether a caller that arrives follows the next flight, and not the one in progress.
    follows_next: bool,
}

/// Identifies a flight in the process, across caches and regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FlightId(u64);

impl FlightId {
    pub(crate) fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        Self(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

/// The stage of a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// The leader waits for the previous flight, or looks into the tiers.
    Looking = 0,
    /// The leader's future calls the store.
    LoadingInline = 1,
    /// A task calls the store.
    LoadingInTask = 2,
}

/// The progress of one flight. It is stalled while this stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) flight: FlightId,
    pub(crate) stage: Stage,
    steps: u32,
}

#[derive(Debug)]
pub(crate) struct Flight<R> {
    id: FlightId,
    /// The hash of its key.
    hash: u64,
    /// The flight that must end before this one begins.
    before: Option<FlightId>,
    stage: AtomicU8,
    /// The steps that its leader has taken since the look-up began.
    steps: AtomicU32,
    outcome: Mutex<Option<FlightOutcome<R>>>,
    ended: Notify,
    /// Whether a load that holds a permit waits for this flight.
    ///
    /// The flight's load must then not wait for a permit.
    is_urgent: AtomicBool,
    urged: Notify,
    /// Whether the leader calls the store without a look into the tiers.
    ///
    /// It is set under the lock of the table, and only before the flight begins.
    is_fresh: AtomicBool,
}

impl<R: Clone> Flight<R> {
    fn new(hash: u64, before: Option<FlightId>, is_fresh: bool) -> Arc<Self> {
        Arc::new(Self {
            id: FlightId::new(),
            hash,
            before,
            stage: AtomicU8::new(Stage::Looking as u8),
            steps: AtomicU32::new(0),
            outcome: Mutex::new(None),
            ended: Notify::new(),
            is_urgent: AtomicBool::new(false),
            urged: Notify::new(),
            is_fresh: AtomicBool::new(is_fresh),
        })
    }

    pub(crate) fn id(&self) -> FlightId {
        self.id
    }

    /// Returns the flight that must end before this one begins.
    pub(crate) fn before(&self) -> Option<FlightId> {
        self.before
    }

    fn progress(&self) -> Progress {
        let stages = [Stage::Looking, Stage::LoadingInline];
        let reached = self.stage.load(Ordering::Acquire);
        let stage = stages.into_iter().find(|stage| *stage as u8 == reached).unwrap_or(Stage::LoadingInTask);
        Progress { flight: self.id, stage, steps: self.steps.load(Ordering::Acquire) }
    }

    fn urge(&self) {
        self.is_urgent.store(true, Ordering::Release);
        self.urged.notify_waiters();
    }

    /// Waits until a load depends on this flight.
    async fn urgent(&self) {
        let urged = self.urged.notified();
        tokio::pin!(urged);
        urged.as_mut().enable();
        if !self.is_urgent.load(Ordering::Acquire) {
            urged.await;
        }
    }

    fn end_with(&self, outcome: FlightOutcome<R>) {
        let before = lock(&self.outcome).replace(outcome);
        // Dropped without the lock: its destructor may be user code.
        drop(before);
        self.ended.notify_waiters();
    }

    /// Waits for the end of the flight.
    pub(crate) async fn outcome(&self) -> FlightOutcome<R> {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Registers before the check, so that an end between the two is not missed.
            ended.as_mut().enable();
            if let Some(outcome) = self.copy() {
                return outcome;
            }
            ended.await;
        }
    }

    /// Returns the outcome, if the flight has ended. A value that cannot be cloned cannot be shared.
    fn copy(&self) -> Option<FlightOutcome<R>> {
        let outcome = lock(&self.outcome);
        let copied = catch_unwind(AssertUnwindSafe(|| outcome.clone()));
        copied.unwrap_or_else(|_| {
            Some(Outcome::Broken(Error::load_panicked("another caller", "the value cannot be cloned").into()))
        })
    }
}

/// The role of a caller after a miss in the local tier.
pub(crate) enum Arrival<K: KeyPart, R: Clone> {
    /// Looks the value up for all callers.
    Lead(Lead<K, R>),
    /// The same, after the end of this flight.
    LeadAfter(Lead<K, R>, Arc<Flight<R>>),
    /// Follows this flight, which has not started yet.
    Follow(Arc<Flight<R>>),
}

impl<K: KeyPart, R: Clone> Flights<K, R> {
    /// Creates an empty table. Without `follows_next` a caller may take an outcome from before it arrived.
    pub(crate) fn new(follows_next: bool) -> Arc<Self> {
        let shards = iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Arc::new(Self { shards, hasher: RandomState::default(), follows_next })
    }

    /// Returns the role of a caller. `is_nested` is whether the caller is part of a load.
    pub(crate) fn arrive(self: &Arc<Self>, key: &K, is_nested: bool) -> Arrival<K, R> {
        self.arrive_as(key, is_nested, false)
    }

    /// Returns the role of a caller that takes no value from the tiers.
    ///
    /// The flight that it leads or follows has not begun, and takes none either.
    pub(crate) fn arrive_fresh(self: &Arc<Self>, key: &K, is_nested: bool) -> Arrival<K, R> {
        self.arrive_as(key, is_nested, true)
    }

    fn arrive_as(self: &Arc<Self>, key: &K, is_nested: bool, is_fresh: bool) -> Arrival<K, R> {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        let Some(pair) = shard.find(hash, key) else {
            let current = Flight::new(hash, None, is_fresh);
            shard.insert(hash, key.clone(), Arc::clone(&current));
            return Arrival::Lead(Lead::new(self, current));
        };
        if !self.follows_next {
            return Arrival::Follow(Arc::clone(&pair.current));
        }
        if is_nested {
            pair.current.urge();
            pair.next.iter().for_each(|next| next.urge());
        }
        if let Some(next) = &pair.next {
            next.is_fresh.fetch_or(is_fresh, Ordering::AcqRel);
            return Arrival::Follow(Arc::clone(next));
        }
        let next = Flight::new(hash, Some(pair.current.id), is_fresh);
        pair.next = Some(Arc::clone(&next));
        let before = Arc::clone(&pair.current);
        drop(shard);
        Arrival::LeadAfter(Lead::new(self, next), before)
    }

    /// Returns the number of keys with a flight in progress.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Returns the progress of the flight that this one depends on.
    ///
    /// That is the flight itself or its predecessor.
    pub(crate) fn progress(&self, flight: &Arc<Flight<R>>) -> Option<Progress> {
        let mut shard = self.shard(flight.hash);
        let Pair { current, .. } = shard.find_flight(flight)?;
        Some(current.progress())
    }

    /// Ends the flight that this one depends on, if it still has this id. Its leader continues for itself.
    pub(crate) fn give_up(&self, flight: &Arc<Flight<R>>, id: FlightId) {
        let mut shard = self.shard(flight.hash);
        let stalled =
            shard.find_flight(flight).map(|pair| Arc::clone(&pair.current)).filter(|current| current.id == id);
        let Some(stalled) = stalled else { return };
        let key = shard.leave(&stalled);
        drop(shard);
        stalled.end_with(Outcome::Abandoned);
        drop(key);
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Table<K, R>> {
        // The remainder is below the number of shards.
        #[expect(clippy::cast_possible_truncation, reason = "only the remainder counts")]
        let at = hash as usize % SHARDS;
        lock(&self.shards[at])
    }
}

/// The leader's side of a flight. If it is dropped first, the flight is abandoned, and its followers start over.
pub(crate) struct Lead<K: KeyPart, R: Clone> {
    flights: Arc<Flights<K, R>>,
    flight: Arc<Flight<R>>,
    ended: bool,
}

impl<K: KeyPart, R: Clone> Lead<K, R> {
    fn new(flights: &Arc<Flights<K, R>>, flight: Arc<Flight<R>>) -> Self {
        Self { flights: Arc::clone(flights), flight, ended: false }
    }

    pub(crate) fn id(&self) -> FlightId {
        self.flight.id
    }

    /// Whether the value must come from the store. It does not change once the flight has begun.
    pub(crate) fn is_fresh(&self) -> bool {
        self.flight.is_fresh.load(Ordering::Acquire)
    }

    /// Records that the look-up has come a step further.
    pub(crate) fn advance(&self) {
        self.flight.steps.fetch_add(1, Ordering::AcqRel);
    }

    /// Records that the load begins.
    pub(crate) fn loads(&self, stage: Stage) {
        self.flight.stage.store(stage as u8, Ordering::Release);
    }

    /// Waits until a load depends on this flight, also after the end of this lead.
    pub(crate) fn urgent(&self) -> impl Future<Output = ()> + use<K, R> {
        let flight = Arc::clone(&self.flight);
        async move { flight.urgent().await }
    }

    /// Ends the flight.
    pub(crate) fn finish(mut self, outcome: FlightOutcome<R>) {
        self.end(outcome);
    }

    /// Ends the flight, and promotes the next one.
    fn end(&mut self, outcome: FlightOutcome<R>) {
        self.ended = true;
        // A statement of its own, so that the key is dropped without the lock.
        let key = self.flights.shard(self.flight.hash).leave(&self.flight);
        self.flight.end_with(outcome);
        drop(key);
    }
}

impl<K: KeyPart, R: Clone> Drop for Lead<K, R> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Outcome::Abandoned);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(arrival: Arrival<u8, u8>) -> Lead<u8, u8> {
        match arrival {
            Arrival::Lead(lead) => lead,
            Arrival::LeadAfter(..) | Arrival::Follow(_) => panic!("expected to lead"),
        }
    }

    fn lead_after(arrival: Arrival<u8, u8>) -> (Lead<u8, u8>, Arc<Flight<u8>>) {
        match arrival {
            Arrival::LeadAfter(lead, before) => (lead, before),
            Arrival::Lead(_) | Arrival::Follow(_) => panic!("expected to lead after another flight"),
        }
    }

    fn follow(arrival: Arrival<u8, u8>) -> Arc<Flight<u8>> {
        match arrival {
            Arrival::Follow(flight) => flight,
            Arrival::Lead(_) | Arrival::LeadAfter(..) => panic!("expected to follow"),
        }
    }

    fn found(value: u8) -> FlightOutcome<u8> {
        Outcome::Found(Found { value, source: Source::Store, fence: None })
    }

    #[tokio::test]
    async fn no_follower_takes_the_outcome_of_an_earlier_flight() {
        let flights = Flights::new(true);
        let first = lead(flights.arrive(&1, false));
        let (second, before) = lead_after(flights.arrive(&1, false));
        let third = follow(flights.arrive(&1, false));
        first.finish(found(1));
        assert!(matches!(before.outcome().await, Outcome::Found(Found { value: 1, .. })));
        second.finish(found(2));
        assert!(matches!(third.outcome().await, Outcome::Found(Found { value: 2, .. })));
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_flight_that_has_not_begun_becomes_a_fresh_one() {
        let flights = Flights::new(true);
        let first = lead(flights.arrive(&1, false));
        let (second, _) = lead_after(flights.arrive(&1, false));
        let _third = follow(flights.arrive_fresh(&1, false));
        assert!(!first.is_fresh() && second.is_fresh());
        first.finish(found(1));
        let (fourth, _) = lead_after(flights.arrive(&1, false));
        assert!(!fourth.is_fresh(), "a later flight is a usual one");
    }

    #[tokio::test]
    async fn a_dropped_leader_leaves_no_follower_waiting() {
        let flights = Flights::new(true);
        let first = lead(flights.arrive(&1, false));
        let (second, _) = lead_after(flights.arrive(&1, false));
        let third = follow(flights.arrive(&1, false));
        drop(second);
        assert!(matches!(third.outcome().await, Outcome::Abandoned));
        let (fourth, before) = lead_after(flights.arrive(&1, false));
        drop(first);
        assert!(matches!(before.outcome().await, Outcome::Abandoned));
        fourth.finish(found(4));
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn an_abandoned_flight_lets_the_next_one_start() {
        let flights = Flights::new(true);
        let stalled = lead(flights.arrive(&1, false));
        let (next, first) = lead_after(flights.arrive(&1, false));
        let third = follow(flights.arrive(&1, false));
        let before = flights.progress(&third).unwrap();
        let id = before.flight;
        assert_eq!((id, before.stage), (stalled.id(), Stage::Looking), "the third one needs the first");
        assert_eq!(flights.progress(&third), Some(before), "it is stalled");
        stalled.advance();
        assert_ne!(flights.progress(&third), Some(before), "it is not");
        stalled.loads(Stage::LoadingInTask);
        assert_eq!(flights.progress(&third).unwrap().stage, Stage::LoadingInTask);
        flights.give_up(&third, next.id());
        assert_eq!(flights.progress(&third).unwrap().flight, id, "another flight was meant");
        flights.give_up(&third, id);
        assert!(matches!(first.outcome().await, Outcome::Abandoned));
        assert_eq!(flights.progress(&third).unwrap().flight, next.id());
        stalled.finish(found(1));
        next.finish(found(2));
        assert!(matches!(third.outcome().await, Outcome::Found(Found { value: 2, .. })));
        assert_eq!((flights.len(), flights.progress(&third)), (0, None));
    }

    /// A key whose comparison panics.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    struct Touchy(u8);

    impl crate::CacheKey for Touchy {
        fn write_key(&self, _: &mut crate::KeyWriter) {}

        fn same_key(&self, _: &Self) -> bool {
            panic!("the comparison panics")
        }
    }

    /// Fails if the table compares keys: a second panic in a destructor aborts the process.
    #[test]
    fn a_flight_ends_without_a_comparison_of_its_key() {
        let flights = Flights::<Touchy, u8>::new(true);
        let arrival = flights.arrive(&Touchy(1), false);
        drop(arrival);
        assert_eq!(flights.len(), 0);
    }
}
