//! `with_info`: the source, the age and the end of each answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, CacheInfo, CacheSource, MemoryRemote, ReadPolicy};

use super::register::{CachingRegister, RegisterError, Rows, Stop};
use super::sync_points::until;

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// Instances with entries that live 100 s, are due after 80 s, and answer for 100 s more in two ways.
struct Fleet {
    rows: Arc<Rows>,
    clock: ManualClock,
    caches: Vec<Cache>,
    stores: Vec<CachingRegister<Rows>>,
}

impl Fleet {
    async fn of(instances: usize, policy: fn(ReadPolicy) -> ReadPolicy) -> Self {
        let clock = ManualClock::new();
        let remote = MemoryRemote::with_clock(clock.clone());
        let cache = || {
            let builder = Cache::builder().lease(Duration::from_hours(10)).clock(clock.clone());
            builder.read_timeout(PATIENCE).write_timeout(PATIENCE).remote(remote.clone()).build().unwrap()
        };
        let caches: Vec<Cache> = (0..instances).map(|_| cache()).collect();
        let rows = Arc::<Rows>::default();
        rows.seed(1, 10);
        let exact = move |annotated: ReadPolicy| policy(annotated.ttl(SECOND * 100).jitter_percent(0));
        let stores = caches.iter().map(|cache| CachingRegister::builder(Arc::clone(&rows), cache).get(exact).build());
        let fleet = Self { stores: stores.collect(), rows, clock, caches };
        for cache in &fleet.caches {
            assert!(cache.connected(PATIENCE).await);
        }
        fleet
    }

    async fn get(&self, instance: usize) -> (Result<Option<u64>, RegisterError>, CacheInfo) {
        self.stores[instance].with_info().get(1).await
    }

    async fn filled(&self) {
        until("the value is stored", || self.caches[0].stats().method("Register", "get").fills == 1).await;
    }
}

fn plain(policy: ReadPolicy) -> ReadPolicy {
    policy
}

fn aging(policy: ReadPolicy) -> ReadPolicy {
    policy.refresh_after(SECOND * 80).stale_while_revalidate(SECOND * 100)
}

fn tolerant(policy: ReadPolicy) -> ReadPolicy {
    policy.stale_if_error(SECOND * 100)
}

fn shared_only(policy: ReadPolicy) -> ReadPolicy {
    policy.local_off()
}

fn spans(info: &CacheInfo) -> (Option<u64>, Option<u64>) {
    let seconds = |span: Duration| (span + SECOND / 2).as_secs();
    (info.age.map(seconds), info.expires_in.map(seconds))
}

#[tokio::test]
async fn each_source_is_named_with_the_age_and_the_rest_of_the_life() {
    let fleet = Fleet::of(2, plain).await;
    let (value, info) = fleet.get(0).await;
    assert_eq!((value, info.source, spans(&info)), (Ok(Some(10)), CacheSource::Store, (Some(0), Some(100))));
    fleet.filled().await;
    fleet.clock.advance(SECOND * 30);
    let (value, info) = fleet.get(0).await;
    assert_eq!((value, info.source, spans(&info)), (Ok(Some(10)), CacheSource::Local, (Some(30), Some(70))));
    assert_eq!((info.stale, info.due, info.collapsed, info.generation), (false, false, false, None));
    let (value, info) = fleet.get(1).await;
    assert_eq!((value, info.source, spans(&info)), (Ok(Some(10)), CacheSource::Shared, (Some(30), Some(70))));
    assert!(info.generation.is_some_and(|generation| generation.starts_with('U')));
    assert_eq!(fleet.rows.loads(), 1);
}

#[tokio::test]
async fn a_usual_read_of_the_same_store_is_a_usual_hit() {
    let fleet = Fleet::of(1, plain).await;
    let store = &fleet.stores[0];
    assert_eq!((store.with_info().get(1).await.0, store.get(1).await), (Ok(Some(10)), Ok(Some(10))));
    let stats = fleet.caches[0].stats().method("Register", "get");
    assert_eq!((stats.local_hits, stats.loads), (1, 1));
    assert_eq!(store.with_info().get(1).await.1.source, CacheSource::Local);
    assert_eq!(fleet.caches[0].stats().method("Register", "get").local_hits, 2);
}

#[tokio::test]
async fn a_value_without_a_local_tier_has_a_life_in_the_shared_one() {
    let fleet = Fleet::of(1, shared_only).await;
    let (_, info) = fleet.get(0).await;
    assert_eq!((info.source, spans(&info)), (CacheSource::Store, (Some(0), None)));
    fleet.filled().await;
    fleet.clock.advance(SECOND * 40);
    let (_, info) = fleet.get(0).await;
    assert_eq!((info.source, spans(&info)), (CacheSource::Shared, (Some(40), Some(60))));
}

#[tokio::test]
async fn a_due_value_is_refreshing_and_an_expired_one_is_stale() {
    let fleet = Fleet::of(2, aging).await;
    fleet.get(0).await.0.unwrap();
    fleet.filled().await;
    for instance in [0, 1] {
        // Nothing is refreshed: the row's reads stop.
        let _stopped = fleet.rows.stop_next(Stop::AfterRead);
        fleet.clock.advance(SECOND * 45);
        let (_, info) = fleet.get(instance).await;
        let is_due = instance == 1;
        assert_eq!((info.stale, info.due), (false, is_due), "{info:?}");
    }
    fleet.clock.advance(SECOND * 30);
    for instance in [0, 1] {
        let (value, info) = fleet.get(instance).await;
        assert_eq!((value, spans(&info)), (Ok(Some(10)), (Some(120), Some(0))), "{info:?}");
        assert_eq!((info.stale, info.due), (true, true), "{info:?}");
        assert!(info.cache_status("app").contains("; ttl=-20; "), "{info:?}");
    }
}

#[tokio::test]
async fn a_value_in_place_of_an_outage_is_named() {
    let fleet = Fleet::of(1, tolerant).await;
    fleet.get(0).await.0.unwrap();
    fleet.clock.advance(SECOND * 150);
    fleet.rows.fails.store(true, Ordering::SeqCst);
    let (value, info) = fleet.get(0).await;
    assert_eq!((value, info.source, info.stale), (Ok(Some(10)), CacheSource::InsteadOfStore, true));
    fleet.clock.advance(SECOND * 100);
    let (value, info) = fleet.get(0).await;
    assert_eq!((value, info.source, info.expires_in), (Err(RegisterError::Lost), CacheSource::Store, None));
}

#[tokio::test]
async fn a_joined_load_is_collapsed() {
    let fleet = Fleet::of(1, plain).await;
    let load = fleet.rows.stop_next(Stop::AfterRead);
    let store = &fleet.stores[0];
    let (_, (value, info)) = tokio::join!(store.get(1), async {
        load.reached().await;
        // The first poll follows the flight before the load goes on.
        let informed = store.with_info();
        let (read, ()) = tokio::join!(informed.get(1), async { load.open() });
        read
    });
    assert_eq!((value, fleet.rows.loads()), (Ok(Some(10)), 1), "{info:?}");
    assert!(info.collapsed || info.source == CacheSource::Local, "{info:?}");
}

#[tokio::test]
async fn a_batch_has_the_farthest_source_and_the_nearest_end() {
    let fleet = Fleet::of(1, plain).await;
    fleet.rows.seed(2, 20);
    fleet.get(0).await.0.unwrap();
    fleet.clock.advance(SECOND * 30);
    let store = fleet.stores[0].with_info();
    let (values, info) = store.get_many(&[1, 2]).await;
    assert_eq!(
        (values, info.source, spans(&info)),
        (Ok([(1, 10), (2, 20)].into()), CacheSource::Store, (Some(30), Some(70)))
    );
    let (_, info) = store.get_many(&[1, 2]).await;
    assert_eq!((info.source, spans(&info)), (CacheSource::Local, (Some(30), Some(70))));
    fleet.rows.fails.store(true, Ordering::SeqCst);
    let (values, info) = store.get_many(&[1, 3]).await;
    assert_eq!((values, info.source), (Err(RegisterError::Lost), CacheSource::Store));
}

fn brief(policy: ReadPolicy) -> ReadPolicy {
    policy.local_ttl(SECOND * 20)
}

#[tokio::test]
async fn a_shorter_local_life_is_the_end_of_the_answer() {
    let fleet = Fleet::of(1, brief).await;
    fleet.get(0).await.0.unwrap();
    fleet.clock.advance(SECOND * 5);
    let (_, info) = fleet.get(0).await;
    assert_eq!((info.source, spans(&info)), (CacheSource::Local, (None, Some(15))));
}

#[cache_core::cached_store(namespace = "info:test")]
trait Notes: Send + Sync {
    #[cached(entity = "note", key(id), ignore(reader), ttl = "10m", visible_if = belongs_to)]
    async fn note(&self, id: u64, reader: u64) -> Result<Option<u64>, RegisterError>;
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what `visible_if` takes")]
fn belongs_to(owner: &u64, _: &u64, reader: &u64) -> bool {
    owner == reader
}

struct Owners;

impl Notes for Owners {
    async fn note(&self, id: u64, reader: u64) -> Result<Option<u64>, RegisterError> {
        Ok((id == reader).then_some(id))
    }
}

#[tokio::test]
async fn a_value_that_the_reader_may_not_see_is_not_described() {
    let cache = Cache::builder().remote(MemoryRemote::new()).build().unwrap();
    let notes = CachingNotes::new(Arc::new(Owners), &cache);
    assert!(cache.connected(PATIENCE).await);
    let notes = notes.with_info();
    assert_eq!(notes.note(1, 1).await.0, Ok(Some(1)));
    assert_eq!(notes.note(1, 1).await.1.source, CacheSource::Local);
    let (value, info) = notes.note(1, 2).await;
    assert_eq!((value, info.source, info.generation, info.expires_in), (Ok(None), CacheSource::Store, None, None));
}
