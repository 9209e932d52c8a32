//! One look-up in progress for one key, and those who wait for it.
//!
//! A flight is a whole look-up: local tier, shared tier, load. Who arrives while one is under way may not take its
//! answer, since it may have read before that caller's read began. Such callers gather on the *next* flight: one of them
//! leads it when the current one has ended, and the others arrived before it started, so they may take its answer. At
//! most two flights of a key are known at a time.
//!
//! A flight is led by the future of a caller, until its load runs in a task of its own. Such a future may be alive and
//! not be polled, in a `buffered` stream or behind a `select!`; those who wait give up a flight that makes no progress.

#[cfg(all(test, shuttle))]
mod interleavings;
mod table;

use std::any::Any;
use std::hash::BuildHasher as _;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use foldhash::fast::RandomState;
use tokio::sync::Notify;

use self::table::{Pair, Table};
use crate::coherence::{Epoch, Gen};
use crate::error::Error;
use crate::key::KeyPart;
use crate::runtime::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// How a flight ended.
#[derive(Debug, Clone)]
pub(crate) enum Landing<R> {
    /// It found the value.
    Found(Found<R>),
    /// The store returned an error; it is shared where its type can be cloned.
    Failed(Option<SharedError>),
    /// The load panicked or ran out of time.
    Broken(Error),
    /// Its leader went away before it had an answer.
    Abandoned,
}

/// A store's error that can be cloned for each waiter.
pub(crate) type SharedError = Arc<dyn Any + Send + Sync>;

/// What answered a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "who is told of it is there in tests only"))]
pub enum Source {
    /// The local tier.
    Local,
    /// The local tier, with what was loaded while the shared tier is out of reach.
    Degraded,
    /// The shared tier: with a value of its own, or by confirming one that was loaded a moment ago.
    Shared,
    /// The store.
    Store,
}

/// A value with what was current before it was read; no fence when nothing is known of that.
#[derive(Debug, Clone)]
pub(crate) struct Found<R> {
    pub(crate) value: R,
    pub(crate) source: Source,
    pub(crate) fence: Option<Arc<FoundFence>>,
}

/// The epoch and the tokens that were read before a load.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FoundFence {
    pub(crate) epoch: Epoch,
    pub(crate) gens: Vec<Gen>,
}

/// Shards of the table of flights, so that misses of different keys do not wait for each other.
const SHARDS: usize = 16;

/// The flights of one read method.
#[derive(Debug)]
pub(crate) struct Flights<K, R> {
    shards: Box<[Mutex<Table<K, R>>]>,
    hasher: RandomState,
    /// For a negative control: whoever arrives takes the answer of the flight that is under way.
    #[cfg(feature = "testing")]
    join_any: bool,
}

/// A flight of the process, whatever its cache and its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FlightId(u64);

impl FlightId {
    pub(crate) fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        Self(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

/// How far a flight has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Its leader waits for the flight before, or looks into the tiers.
    Looking = 0,
    /// The store is asked in the future of the leader.
    LoadingInline = 1,
    /// The store is asked in a task.
    LoadingInTask = 2,
}

#[derive(Debug)]
pub(crate) struct Flight<R> {
    id: FlightId,
    /// The hash of its key.
    hash: u64,
    /// The flight that has to end before this one begins.
    before: Option<FlightId>,
    stage: AtomicU8,
    landing: Mutex<Option<Landing<R>>>,
    landed: Notify,
    /// A load waits for it that holds a permit: its own load must not wait for one.
    is_urgent: AtomicBool,
    urged: Notify,
}

impl<R: Clone> Flight<R> {
    fn new(hash: u64, before: Option<FlightId>) -> Arc<Self> {
        Arc::new(Self {
            id: FlightId::new(),
            hash,
            before,
            stage: AtomicU8::new(Stage::Looking as u8),
            landing: Mutex::new(None),
            landed: Notify::new(),
            is_urgent: AtomicBool::new(false),
            urged: Notify::new(),
        })
    }

    /// The flight, and the one that has to end before it begins.
    pub(crate) fn and_before(&self) -> impl Iterator<Item = FlightId> {
        iter::once(self.id).chain(self.before)
    }

    fn stage(&self) -> Stage {
        let stages = [Stage::Looking, Stage::LoadingInline];
        let reached = self.stage.load(Ordering::Acquire);
        stages.into_iter().find(|stage| *stage as u8 == reached).unwrap_or(Stage::LoadingInTask)
    }

    fn urge(&self) {
        self.is_urgent.store(true, Ordering::Release);
        self.urged.notify_waiters();
    }

    /// Waits until a load waits for it.
    async fn urgent(&self) {
        let urged = self.urged.notified();
        tokio::pin!(urged);
        urged.as_mut().enable();
        if !self.is_urgent.load(Ordering::Acquire) {
            urged.await;
        }
    }

    fn land(&self, landing: Landing<R>) {
        let before = lock(&self.landing).replace(landing);
        // Dropped here, without the lock: it may be code of the user.
        drop(before);
        self.landed.notify_waiters();
    }

    /// Waits for the end of the flight.
    pub(crate) async fn landing(&self) -> Landing<R> {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            // Registers before the look: an end between the two is not missed.
            landed.as_mut().enable();
            if let Some(landing) = self.copy() {
                return landing;
            }
            landed.await;
        }
    }

    /// How the flight ended, if it has. A value that cannot be cloned cannot be shared.
    fn copy(&self) -> Option<Landing<R>> {
        let landing = lock(&self.landing);
        let copied = catch_unwind(AssertUnwindSafe(|| landing.clone()));
        copied.unwrap_or_else(|_| {
            Some(Landing::Broken(Error::load_panicked("another caller", "the value cannot be cloned")))
        })
    }
}

/// What a caller does who did not find the value in the local tier.
pub(crate) enum Arrival<K: KeyPart, R: Clone> {
    /// Look the value up for all; when there is a flight before, wait for its end first.
    Lead(Lead<K, R>),
    /// Wait for this flight, which has not started yet.
    Follow(Arc<Flight<R>>),
}

impl<K: KeyPart, R: Clone> Flights<K, R> {
    pub(crate) fn new() -> Arc<Self> {
        let shards = iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Arc::new(Self {
            shards,
            hasher: RandomState::default(),
            #[cfg(feature = "testing")]
            join_any: false,
        })
    }

    /// Flights whose answer anyone may take, however late they come.
    #[cfg(feature = "testing")]
    pub(crate) fn weakened() -> Arc<Self> {
        let mut flights = Self::new();
        if let Some(flights) = Arc::get_mut(&mut flights) {
            flights.join_any = true;
        }
        flights
    }

    /// `is_nested` is whether the caller is part of a load.
    pub(crate) fn arrive(self: &Arc<Self>, key: &K, is_nested: bool) -> Arrival<K, R> {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        let Some(pair) = shard.find(hash, key) else {
            let current = Flight::new(hash, None);
            shard.insert(hash, key.clone(), Arc::clone(&current));
            return Arrival::Lead(Lead::new(self, current, None));
        };
        #[cfg(feature = "testing")]
        if self.join_any {
            return Arrival::Follow(Arc::clone(&pair.current));
        }
        if is_nested {
            pair.current.urge();
            pair.next.iter().for_each(|next| next.urge());
        }
        if let Some(next) = &pair.next {
            return Arrival::Follow(Arc::clone(next));
        }
        let next = Flight::new(hash, Some(pair.current.id));
        pair.next = Some(Arc::clone(&next));
        let before = Arc::clone(&pair.current);
        drop(shard);
        Arrival::Lead(Lead::new(self, next, Some(before)))
    }

    /// How many keys have a flight under way.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// The flight whose progress this one needs, which is itself or the one before, and how far that has come.
    pub(crate) fn progress(&self, flight: &Arc<Flight<R>>) -> Option<(FlightId, Stage)> {
        let mut shard = self.shard(flight.hash);
        let Pair { current, .. } = shard.find_flight(flight)?;
        Some((current.id, current.stage()))
    }

    /// Ends the flight that this one needs, if it is still the one with this number. Its leader goes on for itself.
    pub(crate) fn give_up(&self, flight: &Arc<Flight<R>>, id: FlightId) {
        let mut shard = self.shard(flight.hash);
        let stalled =
            shard.find_flight(flight).map(|pair| Arc::clone(&pair.current)).filter(|current| current.id == id);
        let Some(stalled) = stalled else { return };
        let key = shard.leave(&stalled);
        drop(shard);
        drop(key);
        stalled.land(Landing::Abandoned);
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Table<K, R>> {
        // The remainder is below the number of shards.
        #[expect(clippy::cast_possible_truncation, reason = "only the remainder counts")]
        let at = hash as usize % SHARDS;
        lock(&self.shards[at])
    }
}

/// The duty to end a flight. Dropped without an end, the flight counts as abandoned, and its followers start anew.
pub(crate) struct Lead<K: KeyPart, R: Clone> {
    flights: Arc<Flights<K, R>>,
    flight: Arc<Flight<R>>,
    before: Option<Arc<Flight<R>>>,
    ended: bool,
}

impl<K: KeyPart, R: Clone> Lead<K, R> {
    fn new(flights: &Arc<Flights<K, R>>, flight: Arc<Flight<R>>, before: Option<Arc<Flight<R>>>) -> Self {
        Self { flights: Arc::clone(flights), flight, before, ended: false }
    }

    pub(crate) fn id(&self) -> FlightId {
        self.flight.id
    }

    /// Whether there is no flight before to wait for.
    pub(crate) fn is_first(&self) -> bool {
        self.before.is_none()
    }

    /// The flight before, if there is one to wait for.
    pub(crate) fn take_before(&mut self) -> Option<Arc<Flight<R>>> {
        self.before.take()
    }

    /// The store is asked now.
    pub(crate) fn loads(&self, stage: Stage) {
        self.flight.stage.store(stage as u8, Ordering::Release);
    }

    /// Waits until a load waits for this flight.
    pub(crate) async fn urgent(&self) {
        self.flight.urgent().await;
    }

    /// Ends the flight.
    pub(crate) fn land(mut self, landing: Landing<R>) {
        self.end(landing);
    }

    /// The flight is over: the one that waited behind it takes its place.
    fn end(&mut self, landing: Landing<R>) {
        self.ended = true;
        // A statement of its own: the key is dropped without the lock.
        let key = self.flights.shard(self.flight.hash).leave(&self.flight);
        self.flight.land(landing);
        drop(key);
    }
}

impl<K: KeyPart, R: Clone> Drop for Lead<K, R> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Landing::Abandoned);
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
            Arrival::Follow(_) => panic!("expected to lead"),
        }
    }

    fn follow(arrival: Arrival<u8, u8>) -> Arc<Flight<u8>> {
        match arrival {
            Arrival::Follow(flight) => flight,
            Arrival::Lead(_) => panic!("expected to follow"),
        }
    }

    fn found(value: u8) -> Landing<u8> {
        Landing::Found(Found { value, source: Source::Store, fence: None })
    }

    #[tokio::test]
    async fn nobody_takes_the_answer_of_a_flight_that_began_before_him() {
        let flights = Flights::new();
        let first = lead(flights.arrive(&1, false));
        let mut second = lead(flights.arrive(&1, false));
        let third = follow(flights.arrive(&1, false));
        first.land(found(1));
        let before = second.take_before().unwrap();
        assert!(matches!(before.landing().await, Landing::Found(Found { value: 1, .. })));
        second.land(found(2));
        assert!(matches!(third.landing().await, Landing::Found(Found { value: 2, .. })));
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_leader_that_goes_away_leaves_nobody_behind() {
        let flights = Flights::new();
        let first = lead(flights.arrive(&1, false));
        let second = lead(flights.arrive(&1, false));
        let third = follow(flights.arrive(&1, false));
        drop(second);
        assert!(matches!(third.landing().await, Landing::Abandoned));
        let mut fourth = lead(flights.arrive(&1, false));
        drop(first);
        assert!(matches!(fourth.take_before().unwrap().landing().await, Landing::Abandoned));
        fourth.land(found(4));
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_flight_that_is_given_up_makes_room_for_the_next_one() {
        let flights = Flights::new();
        let mut stalled = lead(flights.arrive(&1, false));
        let mut next = lead(flights.arrive(&1, false));
        let third = follow(flights.arrive(&1, false));
        let (id, stage) = flights.progress(&third).unwrap();
        assert_eq!((id, stage), (stalled.id(), Stage::Looking), "the third one needs the first");
        stalled.loads(Stage::LoadingInTask);
        assert_eq!(flights.progress(&third).unwrap(), (id, Stage::LoadingInTask));
        flights.give_up(&third, next.id());
        assert_eq!(flights.progress(&third).unwrap().0, id, "another flight was meant");
        flights.give_up(&third, id);
        assert!(matches!(next.take_before().unwrap().landing().await, Landing::Abandoned));
        assert_eq!(flights.progress(&third).unwrap().0, next.id());
        assert!(stalled.take_before().is_none());
        stalled.land(found(1));
        next.land(found(2));
        assert!(matches!(third.landing().await, Landing::Found(Found { value: 2, .. })));
        assert_eq!((flights.len(), flights.progress(&third)), (0, None));
    }

    /// A key that cannot be compared or cloned at the wrong moment.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    struct Touchy(u8);

    impl crate::CacheKey for Touchy {
        fn write_key(&self, _: &mut crate::KeyWriter) {}

        fn same_key(&self, _: &Self) -> bool {
            panic!("the comparison panics")
        }
    }

    /// Red where the table compares keys: a second panic in a destructor ends the process.
    #[test]
    fn a_flight_ends_without_a_comparison_of_its_key() {
        let flights = Flights::<Touchy, u8>::new();
        let arrival = flights.arrive(&Touchy(1), false);
        drop(arrival);
        assert_eq!(flights.len(), 0);
    }
}
