//! `#[updates(..)]`: a write stores its value in both tiers, unless another change of the entry has overlapped it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_core::testing::{ManualClock, Operation, Protection};
use cache_core::{Cache, MemoryRemote, Mode, ReadPolicy, cached_store};

use super::register::{CachingRegister, LOST, RegisterError, Rows, Stop};
use super::sync_points::until;
use super::world::{Instance, World};

#[tokio::test]
async fn the_next_reads_of_all_instances_find_the_written_value() {
    for world in World::each(None) {
        let (writer, reader) = (world.instance().await, world.instance().await);
        world.rows.seed(1, 10);
        assert_eq!((writer.get(1).await, reader.get(1).await), (Some(10), Some(10)));
        let loads = world.rows.loads();
        for value in [20, 30] {
            let received = reader.cache.invalidations_received();
            assert_eq!(writer.store.put(1, value).await, Ok(value));
            assert_eq!(writer.store.peek_get(1), Some(Some(value)), "the writer has it in its local tier");
            until("the invalidation is received", || reader.cache.invalidations_received() > received).await;
            assert_eq!(reader.store.peek_get(1), None, "the local tier of another instance is only invalidated");
            assert_eq!(reader.get(1).await, Some(value));
        }
        assert_eq!((world.rows.loads(), writer.stats().updates, reader.stats().updates), (loads, 2, 0));
    }
}

#[tokio::test]
async fn a_single_instance_stores_the_value_locally() {
    let (rows, cache) = (Arc::<Rows>::default(), Cache::single_instance());
    let store = CachingRegister::new(Arc::clone(&rows), &cache);
    assert_eq!(store.put(1, 20).await, Ok(20));
    assert_eq!((store.peek_get(1), rows.loads()), (Some(Some(20)), 0));
    let off = Cache::pass_through();
    let store = CachingRegister::new(rows, &off);
    assert_eq!((store.put(1, 30).await, store.peek_get(1), store.get(1).await), (Ok(30), None, Ok(Some(30))));
}

#[tokio::test]
async fn each_mode_stores_the_value_before_it_returns_or_soon_after() {
    for mode in [Mode::Fast, Mode::Safe] {
        let world = World::memory(None);
        let (writer, reader) = (world.instance().await.in_mode(mode), world.instance().await.in_mode(mode));
        writer.store.put(1, 20).await.unwrap();
        until("the value is stored", || writer.stats().updates == 1).await;
        assert_eq!((reader.get(1).await, world.rows.loads()), (Some(20), 0), "{mode:?}");
    }
}

#[tokio::test]
async fn a_method_without_a_local_tier_stores_the_value_in_the_shared_one() {
    let world = World::memory(None);
    let (writer, reader) = (world.instance().await, world.instance().await);
    let off = |instance: &Instance| {
        CachingRegister::builder(Arc::clone(&world.rows), &instance.cache).get(ReadPolicy::local_off).build()
    };
    off(&writer).put(1, 20).await.unwrap();
    assert_eq!((off(&reader).get(1).await, world.rows.loads()), (Ok(Some(20)), 0));
}

#[tokio::test]
async fn a_write_that_fails_stores_nothing() {
    for world in World::each(None) {
        let writer = world.instance().await;
        assert_eq!(writer.store.put(1, u64::MAX).await, Err(RegisterError::Refused));
        assert_eq!((writer.get(1).await, writer.stats().updates), (None, 0));
        assert_eq!(writer.store.put(2, LOST).await, Err(RegisterError::Lost), "its outcome is unknown");
        assert_eq!((writer.get(2).await, writer.stats().updates, writer.stats().bypasses), (Some(LOST), 0, 1));
    }
}

#[tokio::test]
async fn a_dropped_write_stores_nothing() {
    let world = World::memory(None);
    let writer = world.instance().await;
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterCommit);
    let write = writer.spawn_put(1, 20);
    point.reached().await;
    write.abort();
    assert!(write.await.unwrap_err().is_cancelled());
    assert_eq!((writer.get(1).await, writer.stats().updates, world.rows.loads()), (Some(20), 0, 1));
}

#[tokio::test]
async fn a_write_without_the_shared_tier_stores_nothing() {
    for held in [Operation::Lock, Operation::Release, Operation::InitGenerations] {
        let world = World::memory(None);
        let (writer, reader) = (world.instance().await, world.instance().await);
        writer.chaos.fail(held);
        writer.store.put(1, 20).await.unwrap();
        writer.chaos.heal(held);
        let read = world.passing_time(async { reader.get(1).await }).await;
        assert_eq!((read, writer.stats().updates), (Some(20), 0), "{held:?}");
    }
}

/// The change that overlaps an update after its commit.
#[derive(Debug, Clone, Copy)]
enum Overlap {
    Update,
    Write,
    Invalidation,
    LostLock,
}

/// Holds an update of 20 after its commit until the row was changed to 30, and returns what each instance reads then.
async fn overlapped_update(world: World, overlap: Overlap) -> [Option<u64>; 3] {
    let [first, second, third] = [world.instance().await, world.instance().await, world.instance().await];
    let point = world.rows.stop_next(Stop::AfterCommit);
    let slow = first.spawn_put(1, 20);
    point.reached().await;
    match overlap {
        Overlap::Update => drop(second.store.put(1, 30).await.unwrap()),
        Overlap::Write => second.set(1, 30).await,
        Overlap::Invalidation => {
            world.rows.seed(1, 30);
            second.store.invalidate_get(1).await;
        }
        Overlap::LostLock => {
            world.evict_scopes();
            second.set(1, 30).await;
        }
    }
    point.open();
    slow.await.unwrap();
    assert_eq!(world.rows.row(1), Some(30));
    [first.get(1).await, second.get(1).await, third.get(1).await]
}

#[tokio::test]
async fn r45_an_overlapped_update_does_not_store_its_older_value() {
    for overlap in [Overlap::Update, Overlap::Write, Overlap::Invalidation, Overlap::LostLock] {
        for world in World::each(None) {
            assert_eq!(overlapped_update(world, overlap).await, [Some(30); 3], "{overlap:?}");
        }
    }
    // Lost with its lock, the generation of the method protects as well.
    for overlap in [Overlap::Update, Overlap::Write, Overlap::Invalidation] {
        for world in World::each(Some(Protection::UpdateOverlap)) {
            let [_, _, seen] = overlapped_update(world, overlap).await;
            assert_eq!(seen, Some(20), "the control must see the older value: {overlap:?}");
        }
    }
}

/// The other write begins before the update, and ends after it.
#[tokio::test]
async fn r45_an_update_of_the_only_instance_stores_nothing_within_another_write() {
    let (rows, cache) = (Arc::<Rows>::default(), Cache::single_instance());
    let store = Arc::new(CachingRegister::new(Arc::clone(&rows), &cache));
    let spawn = |value| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.put(1, value).await })
    };
    let before = rows.stop_next(Stop::BeforeCommit);
    let outer = spawn(30);
    before.reached().await;
    let after = rows.stop_next(Stop::AfterCommit);
    let inner = spawn(20);
    after.reached().await;
    let committed = rows.stop_next(Stop::AfterCommit);
    before.open();
    committed.reached().await;
    assert_eq!(store.get(1).await, Ok(Some(30)));
    after.open();
    inner.await.unwrap().unwrap();
    assert_eq!(store.get(1).await, Ok(Some(30)), "a read has seen the newer value");
    committed.open();
    outer.await.unwrap().unwrap();
    assert_eq!(store.get(1).await, Ok(Some(30)));
}

#[tokio::test]
async fn r45_an_overlapped_update_of_the_only_instance_does_not_store_its_older_value() {
    let (rows, cache) = (Arc::<Rows>::default(), Cache::single_instance());
    let store = Arc::new(CachingRegister::new(Arc::clone(&rows), &cache));
    let point = rows.stop_next(Stop::AfterCommit);
    let slow = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.put(1, 20).await }
    });
    point.reached().await;
    store.put(1, 30).await.unwrap();
    point.open();
    slow.await.unwrap().unwrap();
    assert_eq!(store.get(1).await, Ok(Some(30)));
}

/// Holds an update of 20 after its commit, whose lock the shared tier executes only after another write of 30.
///
/// All writers have one token, so that the lock of a third write is that of the first.
async fn update_with_a_late_lock() -> Option<u64> {
    let world = World::memory(Some(Protection::WriterTokens));
    let [first, second, third] = [world.instance().await, world.instance().await, world.instance().await];
    first.chaos.fail(Operation::Lock);
    let point = world.rows.stop_next(Stop::AfterCommit);
    let slow = first.spawn_put(1, 20);
    point.reached().await;
    until("the invalidation is delivered", || first.health().pending_invalidations == 0).await;
    second.set(1, 30).await;
    let late = world.rows.stop_next(Stop::BeforeCommit);
    let lock = third.spawn_set(1, 40);
    late.reached().await;
    point.open();
    slow.await.unwrap();
    let seen = second.get(1).await;
    lock.abort();
    seen
}

#[tokio::test]
async fn r45_an_update_whose_lock_was_executed_late_stores_nothing() {
    assert_eq!(update_with_a_late_lock().await, Some(30));
}

/// The lock of the update is executed after its call, so reads may have kept the old value in the local tier until then.
#[tokio::test]
async fn r45_an_update_whose_lock_was_executed_late_is_read_on_its_own_instance() {
    // All writers have one token, so that the lock of another write is that of the first.
    let world = World::memory(Some(Protection::WriterTokens));
    let [first, second, third] = [world.instance().await, world.instance().await, world.instance().await];
    world.rows.seed(1, 10);
    first.chaos.fail(Operation::Lock);
    first.chaos.hold(Operation::Release);
    let point = world.rows.stop_next(Stop::BeforeCommit);
    let slow = first.spawn_put(1, 20);
    point.reached().await;
    until("the invalidation is delivered", || first.health().pending_invalidations == 0).await;
    assert_eq!(second.get(1).await, Some(10));
    until("the old value is stored", || second.chaos.begun(Operation::Fill) == 1).await;
    point.open();
    until("the release is sent", || first.chaos.begun(Operation::Release) == 1).await;
    assert_eq!(first.get(1).await, Some(10), "the write has not returned, and its lock is not there");
    first.chaos.hold_invalidations();
    let late = world.rows.stop_next(Stop::BeforeCommit);
    let lock = third.spawn_set(1, 40);
    late.reached().await;
    first.chaos.release(Operation::Release);
    slow.await.unwrap();
    assert_eq!(first.get(1).await, Some(20));
    lock.abort();
}

/// Its instance has committed 30 meanwhile, and has not announced it yet.
#[tokio::test]
async fn r45_an_update_does_not_store_its_value_over_a_journaled_write() {
    let world = World::memory(None);
    let first = world.instance().await;
    let point = world.rows.stop_next(Stop::AfterCommit);
    let slow = first.spawn_put(1, 20);
    point.reached().await;
    first.chaos.fail(Operation::Lock);
    first.chaos.fail(Operation::Release);
    first.chaos.hold(Operation::Invalidate);
    let newer = first.spawn_set(1, 30);
    until("the newer write has ended without Redis", || first.chaos.begun(Operation::Release) == 1).await;
    until("its journal is being delivered", || first.chaos.begun(Operation::Invalidate) == 1).await;
    first.chaos.heal(Operation::Release);
    point.open();
    slow.await.unwrap();
    assert_eq!((first.store.peek_get(1), first.get(1).await, first.stats().updates), (None, Some(30), 0));
    first.chaos.release(Operation::Invalidate);
    newer.await.unwrap();
}

/// Invalidates the whole method while an update is held after its commit, and returns what two instances read then.
async fn update_during_a_wide_invalidation(world: World) -> [Option<u64>; 2] {
    let (first, second) = (world.instance().await, world.instance().await);
    let point = world.rows.stop_next(Stop::AfterCommit);
    let slow = first.spawn_put(1, 20);
    point.reached().await;
    world.rows.seed(1, 30);
    let received = first.cache.invalidations_received();
    second.store.invalidate_all().await;
    until("the invalidation is received", || first.cache.invalidations_received() > received).await;
    point.open();
    slow.await.unwrap();
    [second.get(1).await, first.get(1).await]
}

#[tokio::test]
async fn r46_an_update_does_not_outlive_a_wide_invalidation() {
    for world in World::each(None) {
        assert_eq!(update_during_a_wide_invalidation(world).await, [Some(30); 2]);
    }
    let [shared, _] = update_during_a_wide_invalidation(World::memory(Some(Protection::Fence))).await;
    assert_eq!(shared, Some(20), "the control must see the older value in the shared tier");
    let [_, local] = update_during_a_wide_invalidation(World::memory(Some(Protection::SequenceCheck))).await;
    assert_eq!(local, Some(20), "the control must see the older value in the local tier");
}

#[tokio::test]
async fn an_invalidation_after_the_release_ends_the_local_value() {
    let world = World::memory(None);
    let (first, second) = (world.instance().await, world.instance().await);
    first.chaos.hold(Operation::Fill);
    let slow = first.spawn_put(1, 20);
    until("the value is being stored", || first.chaos.begun(Operation::Fill) == 1).await;
    second.set(1, 30).await;
    first.chaos.release(Operation::Fill);
    slow.await.unwrap();
    assert_eq!((first.get(1).await, second.get(1).await), (Some(30), Some(30)));
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, cache_core::CacheValue)]
struct Profile {
    id: u64,
    name: String,
    team: u64,
}

/// Every form of a value and of a key.
#[cached_store(namespace = "update:test")]
trait Profiles: Send + Sync {
    #[cached(entity = "profile", key(id), ttl = "10m", negative_ttl = "1m", cache_if = is_public)]
    async fn profile(&self, id: u64) -> Result<Option<Arc<Profile>>, RegisterError>;

    #[cached(entity = "name", key(team, name), ttl = "10m", tags("team", team))]
    async fn id_of(&self, team: u64, name: &str) -> Option<u64>;

    #[cached(entity = "tagged", key(id), ttl = "10m", tags("member", value.team))]
    async fn tagged(&self, id: u64) -> Result<Profile, RegisterError>;

    /// The values are those of the parameters before the call, which consumes one of them.
    #[updates(profile(profile.id) = Some(Arc::new(profile.clone())), id_of(profile.team, &profile.name) = Some(profile.id))]
    async fn save(&self, profile: Profile) -> Result<(), RegisterError>;

    /// The call changes the value.
    #[updates(profile(id) = Some(Arc::new(profile.clone())))]
    async fn complete(&self, id: u64, profile: &mut Profile) -> Result<(), RegisterError>;

    /// Whether there is such a profile.
    #[updates(profile(profile.id, if = *result) = Some(Arc::new(profile.clone())))]
    async fn replace(&self, profile: &Profile) -> Result<bool, RegisterError>;

    /// The store completes the name behind the lock.
    #[updates(profile(id) = Some(Arc::new(draft.lock().unwrap().clone())))]
    async fn publish(&self, id: u64, draft: &Mutex<Profile>) -> Result<(), RegisterError>;

    #[updates(profile(id) = None, id_of(team, ..))]
    async fn remove(&self, id: u64, team: u64) -> Result<(), RegisterError>;

    /// The expression panics for the id 13.
    #[updates(profile(*id) = Some(unlucky(result)))]
    async fn touch(&self, id: &u64) -> Result<Profile, RegisterError>;

    #[updates(tagged(id) = result.clone())]
    async fn tag(&self, id: u64) -> Result<Profile, RegisterError>;
}

fn is_public(profile: &Arc<Profile>) -> bool {
    profile.name != "secret"
}

fn unlucky(profile: &Profile) -> Arc<Profile> {
    assert_ne!(profile.id, 13);
    Arc::new(profile.clone())
}

#[derive(Default)]
struct Table {
    rows: Mutex<HashMap<u64, Profile>>,
    reads: AtomicU64,
}

fn profile(id: u64, name: &str) -> Profile {
    Profile { id, name: name.to_owned(), team: 7 }
}

impl Table {
    fn row(&self, id: u64) -> Option<Profile> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.rows.lock().unwrap().get(&id).cloned()
    }

    fn write(&self, profile: Profile) {
        self.rows.lock().unwrap().insert(profile.id, profile);
    }
}

impl Profiles for Table {
    async fn profile(&self, id: u64) -> Result<Option<Arc<Profile>>, RegisterError> {
        Ok(self.row(id).map(Arc::new))
    }

    async fn id_of(&self, _: u64, name: &str) -> Option<u64> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.rows.lock().unwrap().values().find(|row| row.name == name).map(|row| row.id)
    }

    async fn tagged(&self, id: u64) -> Result<Profile, RegisterError> {
        self.row(id).ok_or(RegisterError::Refused)
    }

    async fn save(&self, profile: Profile) -> Result<(), RegisterError> {
        self.write(profile);
        Ok(())
    }

    async fn complete(&self, id: u64, profile: &mut Profile) -> Result<(), RegisterError> {
        profile.id = id;
        self.write(profile.clone());
        Ok(())
    }

    async fn replace(&self, profile: &Profile) -> Result<bool, RegisterError> {
        let is_known = self.rows.lock().unwrap().contains_key(&profile.id);
        if is_known {
            self.write(profile.clone());
        }
        Ok(is_known)
    }

    async fn publish(&self, id: u64, draft: &Mutex<Profile>) -> Result<(), RegisterError> {
        let mut draft = draft.lock().unwrap();
        *draft = profile(id, "completed");
        self.write(draft.clone());
        Ok(())
    }

    async fn remove(&self, id: u64, _: u64) -> Result<(), RegisterError> {
        self.rows.lock().unwrap().remove(&id);
        Ok(())
    }

    async fn touch(&self, id: &u64) -> Result<Profile, RegisterError> {
        self.tag(*id).await
    }

    async fn tag(&self, id: u64) -> Result<Profile, RegisterError> {
        self.rows.lock().unwrap().get(&id).cloned().ok_or(RegisterError::Refused)
    }
}

/// A writer, and another instance.
async fn profiles() -> (Arc<Table>, [CachingProfiles<Table>; 2], [Cache; 2]) {
    let (table, remote) = (Arc::<Table>::default(), MemoryRemote::new());
    let caches =
        [(); 2].map(|()| Cache::builder().remote(remote.clone()).lease(Duration::from_mins(2)).build().unwrap());
    let stores = [0, 1].map(|at: usize| CachingProfiles::new(Arc::clone(&table), &caches[at]));
    for cache in &caches {
        assert!(cache.connected(Duration::from_secs(20)).await);
    }
    (table, stores, caches)
}

#[tokio::test]
async fn a_value_is_of_the_parameters_or_of_the_result() {
    let (table, [writer, reader], _) = profiles().await;
    writer.save(profile(1, "ada")).await.unwrap();
    assert_eq!(reader.profile(1).await, Ok(Some(Arc::new(profile(1, "ada")))));
    assert_eq!(reader.id_of(7, "ada").await, Some(1));
    let mut draft = profile(0, "grace");
    writer.complete(2, &mut draft).await.unwrap();
    assert_eq!(reader.profile(2).await, Ok(Some(Arc::new(profile(2, "grace")))), "as the call has left it");
    writer.touch(&1).await.unwrap();
    writer.tag(2).await.unwrap();
    assert_eq!(reader.tagged(2).await, Ok(profile(2, "grace")));
    assert_eq!(table.reads.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_value_is_stored_if_its_condition_is_true() {
    let (table, [writer, reader], _) = profiles().await;
    assert_eq!(writer.replace(&profile(1, "ada")).await, Ok(false));
    assert_eq!((reader.profile(1).await, table.reads.load(Ordering::SeqCst)), (Ok(None), 1), "there is no such row");
    writer.save(profile(1, "grace")).await.unwrap();
    assert_eq!(writer.replace(&profile(1, "ada")).await, Ok(true));
    assert_eq!(reader.profile(1).await, Ok(Some(Arc::new(profile(1, "ada")))));
    assert_eq!(table.reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_value_behind_a_lock_is_that_after_the_call() {
    let (_, [writer, reader], _) = profiles().await;
    writer.publish(1, &Mutex::new(profile(1, "draft"))).await.unwrap();
    assert_eq!(reader.profile(1).await, Ok(Some(Arc::new(profile(1, "completed")))));
}

#[tokio::test]
async fn an_absence_is_stored_and_other_targets_are_invalidated() {
    let (table, [writer, reader], _) = profiles().await;
    writer.save(profile(1, "ada")).await.unwrap();
    assert_eq!(reader.id_of(7, "ada").await, Some(1));
    writer.remove(1, 7).await.unwrap();
    assert_eq!((reader.profile(1).await, table.reads.load(Ordering::SeqCst)), (Ok(None), 0));
    assert_eq!((writer.id_of(7, "ada").await, table.reads.load(Ordering::SeqCst)), (None, 1));
}

#[tokio::test]
async fn a_value_that_must_not_be_cached_is_not_stored() {
    let (table, [writer, reader], caches) = profiles().await;
    writer.save(profile(1, "secret")).await.unwrap();
    assert_eq!(reader.profile(1).await, Ok(Some(Arc::new(profile(1, "secret")))));
    assert_eq!(table.reads.load(Ordering::SeqCst), 1);
    assert_eq!(caches[0].stats().method("Profiles", "profile").updates, 0);
    assert_eq!(caches[0].stats().method("Profiles", "id_of").updates, 1);
}

#[tokio::test]
async fn a_panic_of_the_value_leaves_an_invalidated_entry() {
    let (table, [writer, reader], _) = profiles().await;
    table.write(profile(13, "old"));
    assert_eq!(reader.profile(13).await, Ok(Some(Arc::new(profile(13, "old")))));
    table.write(profile(13, "new"));
    assert_eq!(writer.touch(&13).await, Ok(profile(13, "new")), "the caller has the answer of the store");
    assert_eq!(writer.profile(13).await, Ok(Some(Arc::new(profile(13, "new")))));
}

#[tokio::test]
async fn a_stored_value_has_the_life_of_its_method() {
    let clock = ManualClock::new();
    let cache = Cache::single_instance_with_clock(clock.clone());
    let store = CachingProfiles::new(Arc::<Table>::default(), &cache);
    store.save(profile(1, "ada")).await.unwrap();
    assert!(store.peek_profile(1).is_some());
    clock.advance(Duration::from_mins(10));
    assert_eq!(store.peek_profile(1), None);
}
