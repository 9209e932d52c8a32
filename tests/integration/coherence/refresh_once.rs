//! `refresh = once`: a key has one load in the background in the whole fleet.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_core::ReadPolicy;
use cache_core::testing::Operation;

use super::register::{CachingRegister, Rows, Stop};
use super::sync_points::{SyncPoint, until};
use super::world::{Instance, Tier, World};

/// The limit of a request of an instance.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a key is not refreshed after its refresh has failed.
const PAUSE_OF_KEY: Duration = Duration::from_secs(10);

/// An instance whose entries are due as soon as they are filled.
struct Eager {
    instance: Instance,
    store: CachingRegister<Rows>,
}

impl Eager {
    async fn of(world: &World, policy: fn(ReadPolicy) -> ReadPolicy) -> Self {
        let instance = world.instance().await;
        let store = CachingRegister::builder(Arc::clone(&world.rows), &instance.cache).get(policy).build();
        Self { instance, store }
    }

    async fn get(&self) -> Option<u64> {
        self.store.get(1).await.unwrap()
    }

    /// Reads until `done`.
    ///
    /// Instances estimate the server's clock within a millisecond or two, so an entry that was filled at this moment may not
    /// be due yet for another one.
    async fn get_until(&self, what: &str, done: impl Fn() -> bool) -> Option<u64> {
        for _ in 0..100_000 {
            let value = self.get().await;
            for _ in 0..10 {
                if done() {
                    return value;
                }
                tokio::task::yield_now().await;
            }
        }
        panic!("this did not happen: {what}");
    }

    fn refreshes(&self) -> u64 {
        self.instance.stats().refreshes
    }

    /// Reads, and waits until the refresh that this starts has learned whether it may load.
    async fn get_and_claim(&self) -> Option<u64> {
        let begun = self.instance.chaos.begun(Operation::Claim);
        let value = self.get_until("the key is claimed", || self.instance.chaos.begun(Operation::Claim) > begun).await;
        // Another round trip of the same connection, whose reply comes after that of the claim.
        self.store.text("group", "text").await.unwrap();
        tokio::task::yield_now().await;
        value
    }
}

fn each(policy: ReadPolicy) -> ReadPolicy {
    policy.refresh_after(Duration::ZERO).jitter_percent(0)
}

fn once(policy: ReadPolicy) -> ReadPolicy {
    each(policy).refresh_once()
}

fn late(policy: ReadPolicy) -> ReadPolicy {
    once(policy).refresh_after(Duration::from_mins(1))
}

/// An instance that has begun to refresh the key, and two that have read it meanwhile.
async fn three_readers(world: &World, policy: fn(ReadPolicy) -> ReadPolicy) -> ([Eager; 3], Arc<SyncPoint>) {
    let eager = [Eager::of(world, policy).await, Eager::of(world, policy).await, Eager::of(world, policy).await];
    world.rows.seed(1, 10);
    assert_eq!(eager[0].get().await, Some(10));
    until("the value is in the shared tier", || eager[0].instance.stats().fills == 1).await;
    world.rows.seed(1, 20);
    let load = world.rows.stop_next(Stop::AfterRead);
    assert_eq!(eager[0].get().await, Some(10));
    load.reached().await;
    (eager, load)
}

#[tokio::test]
async fn one_instance_refreshes_a_key_for_all() {
    for world in World::each(None) {
        let (eager, load) = three_readers(&world, once).await;
        for other in &eager[1..] {
            assert_eq!(other.get_and_claim().await, Some(10), "the old value answers");
            assert_eq!(other.refreshes(), 0, "another instance has the claim");
        }
        load.open();
        until("the entry is refreshed", || eager[0].store.peek_get(1) == Some(Some(20))).await;
        until("the claim ends", || eager[0].instance.chaos.begun(Operation::Unclaim) == 1).await;
        assert_eq!(eager[0].get_and_claim().await, Some(20));
        until("the claim was free again", || eager[0].refreshes() == 2).await;
    }
}

#[tokio::test]
async fn without_the_option_each_instance_refreshes() {
    for world in World::each(None) {
        let (eager, load) = three_readers(&world, each).await;
        let other = &eager[1];
        let value = other.get_until("it refreshes as well", || other.refreshes() == 1).await;
        // Its own refresh may have ended by then.
        assert!(matches!(value, Some(10 | 20)), "{value:?}");
        load.open();
    }
}

#[tokio::test]
async fn the_claim_of_a_failed_refresh_ends_with_the_pause_of_its_key() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!("the world is in memory") };
    let (eager, load) = three_readers(&world, once).await;
    world.rows.fails.store(true, Ordering::SeqCst);
    load.open();
    until("the refresh fails", || eager[0].instance.stats().refresh_errors == 1).await;
    world.rows.fails.store(false, Ordering::SeqCst);
    assert_eq!((eager[1].get_and_claim().await, eager[1].refreshes()), (Some(10), 0));
    clock.advance(PAUSE_OF_KEY);
    assert_eq!(eager[1].get_and_claim().await, Some(10));
    until("the other instance refreshes", || eager[1].store.peek_get(1) == Some(Some(20))).await;
}

#[tokio::test]
async fn the_claim_of_a_process_that_ends_lasts_a_little_longer_than_a_load() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!("the world is in memory") };
    let (eager, _load) = three_readers(&world, once).await;
    eager[0].instance.chaos.fail(Operation::Unclaim);
    // A little more, for the look-up and the fill.
    let more = PATIENCE * 2;
    clock.advance(Duration::from_secs(29) + more);
    assert_eq!((eager[1].get_and_claim().await, eager[1].refreshes()), (Some(10), 0));
    clock.advance(Duration::from_secs(2));
    assert_eq!(eager[1].get_and_claim().await, Some(10));
    until("the other instance refreshes", || eager[1].store.peek_get(1) == Some(Some(20))).await;
}

#[tokio::test]
async fn the_next_claim_finds_the_value_of_the_refresh_before() {
    let world = World::memory(None);
    let Tier::Memory(_, clock) = &world.tier else { unreachable!("the world is in memory") };
    let [first, second] = [Eager::of(&world, late).await, Eager::of(&world, late).await];
    world.rows.seed(1, 10);
    assert_eq!(first.get().await, Some(10));
    until("the value is in the shared tier", || first.instance.stats().fills == 1).await;
    assert_eq!(second.get().await, Some(10));
    clock.advance(Duration::from_secs(61));
    world.rows.seed(1, 20);
    // The second one has not claimed the key when the first one has refreshed it.
    second.instance.chaos.hold(Operation::Claim);
    assert_eq!(second.get().await, Some(10));
    until("the second asks", || second.instance.chaos.begun(Operation::Claim) == 1).await;
    assert_eq!(first.get().await, Some(10));
    until("the claim ends", || first.instance.chaos.begun(Operation::Unclaim) == 1).await;
    second.instance.chaos.release(Operation::Claim);
    until("the second has the new value", || second.store.peek_get(1) == Some(Some(20))).await;
    assert_eq!((first.refreshes(), second.refreshes()), (1, 0));
}

#[tokio::test]
async fn without_the_reply_to_its_claim_an_instance_refreshes_nothing() {
    let world = World::memory(None);
    let eager = Eager::of(&world, once).await;
    world.rows.seed(1, 10);
    assert_eq!(eager.get().await, Some(10));
    until("the value is in the shared tier", || eager.instance.stats().fills == 1).await;
    eager.instance.chaos.fail(Operation::Claim);
    assert_eq!((eager.get_and_claim().await, eager.refreshes()), (Some(10), 0));
}
