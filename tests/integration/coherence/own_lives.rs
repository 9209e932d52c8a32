//! `ttl_from` and `expires_at`: values that say themselves how long they live.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache_core::testing::ManualClock;
use cache_core::{Cache, CacheValue, LoadError, MemoryRemote, MethodStats, ReadPolicy, cached_store};

use super::freshness::{LEASE, PATIENCE, seconds};
use super::sync_points::until;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, CacheValue)]
struct Token {
    /// The number of the load.
    serial: u64,
    /// How long it lives, or the second of its end.
    seconds: u64,
}

/// A token for which the user's function panics.
const PANICS: u64 = u64::MAX;

fn life(token: &Token) -> Duration {
    assert!(token.seconds != PANICS, "the function panics on command");
    seconds(token.seconds)
}

fn end(token: &Token) -> SystemTime {
    UNIX_EPOCH + life(token)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lost;

impl LoadError for Lost {
    fn is_outage(&self) -> bool {
        true
    }
}

#[cached_store(namespace = "race:own-lives")]
trait Tokens: Send + Sync {
    #[cached(entity = "token", key(key), ttl = "100s", negative_ttl = "100s", jitter = 0, ttl_from = life)]
    async fn token(&self, key: u64) -> Result<Option<Token>, Lost>;

    #[cached(batch = token)]
    async fn tokens(&self, keys: &[u64]) -> Result<HashMap<u64, Token>, Lost>;

    #[cached(entity = "pass", key(key), ttl = "100s", jitter = 0, expires_at = end)]
    async fn pass(&self, key: u64) -> Result<Token, Lost>;
}

#[derive(Debug, Default)]
struct Issuer {
    seconds: Mutex<HashMap<u64, u64>>,
    serial: AtomicU64,
    /// How long a load takes.
    slowness: Mutex<Duration>,
    clock: ManualClock,
    batches: Mutex<Vec<Vec<u64>>>,
}

impl Issuer {
    fn set(&self, key: u64, seconds: u64) {
        self.seconds.lock().unwrap().insert(key, seconds);
    }

    fn forget(&self, key: u64) {
        self.seconds.lock().unwrap().remove(&key);
    }

    fn loads(&self) -> u64 {
        self.serial.load(Ordering::SeqCst)
    }

    fn issue(&self, key: u64) -> Option<Token> {
        let serial = self.serial.fetch_add(1, Ordering::SeqCst) + 1;
        self.clock.advance(*self.slowness.lock().unwrap());
        let seconds = self.seconds.lock().unwrap().get(&key).copied()?;
        Some(Token { serial, seconds })
    }
}

impl Tokens for Issuer {
    async fn token(&self, key: u64) -> Result<Option<Token>, Lost> {
        Ok(self.issue(key))
    }

    async fn tokens(&self, keys: &[u64]) -> Result<HashMap<u64, Token>, Lost> {
        self.batches.lock().unwrap().push(keys.to_vec());
        Ok(keys.iter().filter_map(|key| Some((*key, self.issue(*key)?))).collect())
    }

    async fn pass(&self, key: u64) -> Result<Token, Lost> {
        self.issue(key).ok_or(Lost)
    }
}

/// Instances over one issuer, on a clock that the test advances. It shows 3600 s at first.
struct World {
    clock: ManualClock,
    issuer: Arc<Issuer>,
    caches: Vec<Cache>,
    stores: Vec<CachingTokens<Issuer>>,
}

const START: u64 = 3600;

type Change = fn(ReadPolicy) -> ReadPolicy;

impl World {
    fn single(change: Change) -> Self {
        let clock = ManualClock::new();
        Self::over(clock.clone(), vec![Cache::single_instance_with_clock(clock)], change)
    }

    async fn of(instances: usize, change: Change) -> Self {
        let clock = ManualClock::new();
        Self::around(instances, clock.clone(), clock, change).await
    }

    /// Instances around a server with a clock of its own.
    async fn around(instances: usize, server: ManualClock, clock: ManualClock, change: Change) -> Self {
        let remote = MemoryRemote::with_clock(server);
        let builder = || Cache::builder().lease(LEASE).clock(clock.clone()).read_timeout(PATIENCE);
        let caches: Vec<_> = (0..instances).map(|_| builder().remote(remote.clone()).build().unwrap()).collect();
        let world = Self::over(clock, caches, change);
        for cache in &world.caches {
            assert!(cache.connected(PATIENCE).await);
        }
        world
    }

    fn over(clock: ManualClock, caches: Vec<Cache>, change: Change) -> Self {
        let issuer = Arc::new(Issuer { clock: clock.clone(), ..Issuer::default() });
        let build = |cache| CachingTokens::builder(Arc::clone(&issuer), cache).token(change).pass(change).build();
        let stores = caches.iter().map(build).collect();
        Self { clock, issuer, caches, stores }
    }

    /// One instance, and two on one shared tier.
    async fn each(change: Change) -> [Self; 2] {
        [Self::single(change), Self::of(2, change).await]
    }

    fn stats(&self, instance: usize, method: &str) -> MethodStats {
        self.caches[instance].stats().method("Tokens", method)
    }

    /// Reads a token, which the shared tier has after it.
    async fn first(&self, key: u64) -> u64 {
        let before = self.stats(0, "token").fills;
        let token = self.stores[0].token(key).await.unwrap().unwrap();
        let filled = || self.caches.len() == 1 || self.stats(0, "token").fills == before + 1;
        until("the token is in the shared tier", filled).await;
        token.serial
    }

    /// The serial of the token that an instance reads.
    async fn serial(&self, instance: usize) -> u64 {
        self.stores[instance].token(1).await.unwrap().unwrap().serial
    }

    async fn pass(&self, instance: usize) -> u64 {
        self.stores[instance].pass(1).await.unwrap().serial
    }

    fn advance(&self, span: u64) {
        self.clock.advance(seconds(span));
    }

    fn last(&self) -> usize {
        self.stores.len() - 1
    }
}

fn unchanged(policy: ReadPolicy) -> ReadPolicy {
    policy
}

#[tokio::test]
async fn a_value_lives_as_long_as_it_says_in_both_tiers_and_no_longer_than_its_ttl() {
    for (says, lives) in [(10, 10), (99, 99), (500, 100)] {
        for world in World::each(unchanged).await {
            world.issuer.set(1, says);
            assert_eq!(world.first(1).await, 1);
            world.advance(lives - 1);
            assert_eq!([world.serial(0).await, world.serial(world.last()).await], [1, 1], "{says}");
            world.advance(1);
            assert_eq!(world.serial(world.last()).await, 2, "{says}");
            assert_eq!(world.issuer.loads(), 2, "{says}");
        }
    }
}

#[tokio::test]
async fn a_value_with_a_life_of_zero_or_a_panic_is_not_cached() {
    for says in [0, PANICS] {
        for world in World::each(unchanged).await {
            world.issuer.set(1, says);
            for serial in 1..=3 {
                assert_eq!(world.serial(0).await, serial, "{says}");
            }
            world.issuer.set(1, 10);
            assert_eq!([world.first(1).await, world.serial(world.last()).await], [4, 4], "{says}");
        }
    }
}

#[tokio::test]
async fn the_jitter_shortens_the_life_of_a_value() {
    let world = World::single(|policy| policy.jitter_percent(50));
    let keys = 1..=100;
    for key in keys.clone() {
        world.issuer.set(key, 20);
        world.stores[0].token(key).await.unwrap();
    }
    let loads = async |span| {
        world.advance(span);
        let cached = keys.clone().filter(|key| world.stores[0].peek_token(*key).is_some());
        cached.count()
    };
    assert_eq!(loads(9).await, 100, "every life has more than half");
    let left = loads(6).await;
    assert!((1..100).contains(&left), "{left} of 100 at three quarters");
    assert_eq!(loads(5).await, 0);
}

#[tokio::test]
async fn an_absence_lives_for_its_negative_ttl() {
    for world in World::each(unchanged).await {
        assert_eq!(world.stores[0].token(1).await, Ok(None));
        world.advance(99);
        assert_eq!((world.stores[0].token(1).await, world.issuer.loads()), (Ok(None), 1));
    }
}

#[tokio::test]
async fn each_value_of_a_batch_has_its_own_life() {
    for world in World::each(unchanged).await {
        for (key, says) in [(1, 10), (2, 50), (3, 0)] {
            world.issuer.set(key, says);
        }
        let read = || async { world.stores[0].tokens(&[1, 2, 3]).await.unwrap().len() };
        assert_eq!(read().await, 3);
        world.advance(10);
        assert_eq!(read().await, 3);
        world.advance(40);
        assert_eq!(read().await, 3);
        let mut batches = world.issuer.batches.lock().unwrap().clone();
        for batch in &mut batches {
            batch.sort_unstable();
        }
        assert_eq!(batches, [vec![1, 2, 3], vec![1, 3], vec![1, 2, 3]]);
    }
}

fn ahead(policy: ReadPolicy) -> ReadPolicy {
    policy.refresh_after(seconds(80))
}

#[tokio::test]
async fn a_refresh_begins_a_fixed_time_before_the_end_of_a_life_of_its_own() {
    for world in World::each(ahead).await {
        world.issuer.set(1, 60);
        assert_eq!(world.first(1).await, 1);
        world.advance(39);
        assert_eq!((world.serial(0).await, world.stats(0, "token").refreshes), (1, 0));
        world.advance(2);
        assert_eq!(world.serial(0).await, 1);
        until("it is refreshed", || world.stores[0].peek_token(1).is_some_and(|token| token.unwrap().serial == 2))
            .await;
        world.advance(39);
        assert_eq!((world.serial(0).await, world.stats(0, "token").refreshes), (2, 1), "it has a whole life again");
    }
}

#[tokio::test]
async fn a_value_that_lives_shorter_than_its_refresh_takes_is_not_refreshed_at_every_hit() {
    for world in World::each(ahead).await {
        world.issuer.set(1, 15);
        world.first(1).await;
        for _ in 0..14 {
            world.advance(1);
            for instance in 0..=world.last() {
                assert_eq!(world.serial(instance).await, 1);
            }
        }
        world.advance(1);
        assert_eq!(world.serial(0).await, 2);
        let refreshes = (0..=world.last()).map(|instance| world.stats(instance, "token").refreshes);
        assert_eq!(refreshes.sum::<u64>(), 0);
    }
}

#[tokio::test]
async fn a_late_copy_from_the_shared_tier_is_not_refreshed() {
    let world = World::of(2, ahead).await;
    world.issuer.set(1, 60);
    world.first(1).await;
    world.advance(45);
    for _ in 0..3 {
        assert_eq!(world.serial(1).await, 1);
        tokio::task::yield_now().await;
    }
    assert_eq!((world.stats(1, "token").refreshes, world.issuer.loads()), (0, 1));
    assert_eq!(world.serial(0).await, 1);
    until("the instance that loaded it refreshes it", || world.stats(0, "token").fills == 2).await;
    world.advance(15);
    assert_eq!(
        (world.serial(1).await, world.issuer.loads()),
        (2, 2),
        "the copy ends with the entry that it comes from"
    );
}

#[tokio::test]
async fn an_expired_value_with_a_short_life_answers_while_it_is_loaded_again() {
    for world in World::each(|policy| ahead(policy).stale_while_revalidate(seconds(50))).await {
        world.issuer.set(1, 15);
        world.first(1).await;
        world.advance(16);
        assert_eq!((world.serial(0).await, world.stats(0, "token").stale_hits), (1, 1));
        until("it is loaded again", || world.stores[0].peek_token(1).is_some_and(|token| token.unwrap().serial == 2))
            .await;
        world.advance(66);
        assert_eq!(world.serial(0).await, 3, "it is too old");
    }
}

#[tokio::test]
async fn a_refresh_whose_value_must_not_be_cached_ends_the_entry() {
    for world in World::each(ahead).await {
        world.issuer.set(1, 60);
        world.first(1).await;
        world.issuer.set(1, 0);
        world.advance(41);
        assert_eq!(world.serial(0).await, 1);
        until("the entry has ended", || world.stores[0].peek_token(1).is_none()).await;
        assert_eq!(world.serial(world.last()).await, 3);
    }
}

#[tokio::test]
async fn a_value_ends_at_its_moment_in_both_tiers_however_long_its_load_takes() {
    for world in World::each(unchanged).await {
        *world.issuer.slowness.lock().unwrap() = seconds(5);
        world.issuer.set(1, START + 30);
        assert_eq!(world.pass(0).await, 1);
        let filled = || world.caches.len() == 1 || world.stats(0, "pass").fills == 1;
        until("the pass is in the shared tier", filled).await;
        world.advance(24);
        assert_eq!([world.pass(0).await, world.pass(world.last()).await], [1, 1]);
        world.issuer.set(1, START + 1000);
        world.advance(1);
        assert_eq!(world.pass(world.last()).await, 2);
        world.advance(94);
        assert_eq!(world.pass(world.last()).await, 2);
        world.advance(1);
        assert_eq!(world.pass(world.last()).await, 3, "its ttl has ended");
    }
}

#[tokio::test]
async fn a_value_whose_moment_has_passed_is_not_cached() {
    for (says, slowness) in [(START - 1, 0), (START, 0), (START + 4, 5), (PANICS, 0)] {
        for world in World::each(unchanged).await {
            *world.issuer.slowness.lock().unwrap() = seconds(slowness);
            world.issuer.set(1, says);
            assert_eq!([world.pass(0).await, world.pass(0).await], [1, 2], "{says}");
        }
    }
}

#[tokio::test]
async fn the_clock_of_the_server_decides_about_a_moment() {
    let (server, clock) = (ManualClock::new(), ManualClock::new());
    server.advance(seconds(1000));
    let world = World::around(1, server.clone(), clock, unchanged).await;
    let reads = |says| {
        world.issuer.set(1, says);
        async { (world.pass(0).await, world.pass(0).await) }
    };
    assert_eq!(reads(START + 1000).await, (1, 2), "it has ended on the server");
    assert_eq!(reads(START + 1010).await, (3, 3));
    for clock in [&server, &world.clock] {
        clock.advance(seconds(10));
    }
    assert_eq!(world.pass(0).await, 4);
}

#[tokio::test]
async fn no_value_answers_after_its_moment_whatever_the_policy() {
    let change: Change = |policy| policy.stale_while_revalidate(seconds(50)).stale_if_error(seconds(50));
    for world in World::each(change).await {
        world.issuer.set(1, START + 30);
        assert_eq!(world.pass(0).await, 1);
        world.issuer.forget(1);
        world.advance(31);
        assert_eq!(world.stores[world.last()].pass(1).await, Err(Lost));
    }
}
