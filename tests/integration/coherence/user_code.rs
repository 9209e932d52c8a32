//! User code panics after the store has answered: `cache_if`, `visible_if`, `Clone`, `Serialize`.
//!
//! A value that cannot be cached is returned uncached, and no caller waits for one that has panicked.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cache_core::{Cache, CacheKey, Error, KeyWriter, MemoryRemote, ReadPolicy, Region, cached_store};
use serde::{Deserialize, Serialize, Serializer};

use super::sync_points::SyncPoint;

const PATIENCE: Duration = Duration::from_secs(20);
/// The number on which the user code panics.
const BAD: u64 = 13;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the functions of the attributes take references")]
fn pick(value: &u64) -> bool {
    assert_ne!(*value, BAD, "cache_if panics");
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the functions of the attributes take references")]
fn see(value: &u64, _: &u64) -> bool {
    assert_ne!(*value, BAD, "visible_if panics");
    true
}

#[cached_store(namespace = "user:code")]
#[async_trait]
trait Numbers: Send + Sync {
    #[cached(entity = "picked", key(id), ttl = "10m", cache_if = pick)]
    async fn picked(&self, id: u64) -> Result<u64, Error>;

    #[cached(batch = picked)]
    async fn all_picked(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Error>;

    #[cached(entity = "seen", key(id), ttl = "10m", visible_if = see)]
    async fn seen(&self, id: u64) -> Result<u64, Error>;

    #[cached(entity = "inline", key(id), ttl = "10m", cache_if = pick, load = inline)]
    async fn inline(&self, id: &u64) -> Result<u64, Error>;
}

#[derive(Default)]
struct Plain(AtomicU64);

#[async_trait]
impl Numbers for Plain {
    async fn picked(&self, id: u64) -> Result<u64, Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(id)
    }

    async fn all_picked(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(ids.iter().map(|id| (*id, *id)).collect())
    }

    async fn seen(&self, id: u64) -> Result<u64, Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(id)
    }

    async fn inline(&self, id: &u64) -> Result<u64, Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(*id)
    }
}

static SERIALIZE_PANICS: AtomicBool = AtomicBool::new(true);
static CLONE_PANICS: AtomicBool = AtomicBool::new(true);

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Unserializable(u64);

impl Serialize for Unserializable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(!SERIALIZE_PANICS.load(Ordering::SeqCst), "Serialize panics");
        self.0.serialize(serializer)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unclonable(u64);

impl Clone for Unclonable {
    fn clone(&self) -> Self {
        assert!(!CLONE_PANICS.load(Ordering::SeqCst), "Clone panics");
        Self(self.0)
    }
}

async fn in_time<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, call).await.expect("a caller waits for ever")
}

async fn caches() -> [Cache; 3] {
    let shared = Cache::builder().remote(MemoryRemote::new()).build().unwrap();
    assert!(shared.connected(PATIENCE).await);
    [Cache::single_instance(), Cache::pass_through(), shared]
}

#[tokio::test]
async fn a_value_whose_cache_if_panics_is_returned_uncached() {
    for cache in caches().await {
        let plain = Arc::<Plain>::default();
        let numbers = CachingNumbers::new(Arc::clone(&plain), &cache);
        for loads in 1..=2 {
            assert_eq!(in_time(numbers.picked(BAD)).await.unwrap(), BAD);
            assert_eq!(plain.0.load(Ordering::SeqCst), loads, "it is not cached");
        }
        let all = in_time(numbers.all_picked(&[1, BAD, 2])).await.unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(in_time(numbers.inline(&BAD)).await.unwrap(), BAD);
    }
}

#[tokio::test]
async fn a_visible_if_that_panics_sends_the_call_to_the_store() {
    for cache in caches().await {
        let plain = Arc::<Plain>::default();
        let numbers = CachingNumbers::new(Arc::clone(&plain), &cache);
        for loads in 1..=2 {
            assert_eq!(in_time(numbers.seen(BAD)).await.unwrap(), BAD);
            assert_eq!(plain.0.load(Ordering::SeqCst), loads);
        }
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_serialized_is_returned() {
    for cache in caches().await {
        let region: Region<u64, Unserializable> = region(&cache, "unserializable");
        let read = in_time(region.get_or_load(&1, || async { Ok::<_, Error>(Unserializable(5)) })).await;
        assert_eq!(read.unwrap(), Unserializable(5));
    }
}

/// Twenty callers wait for one load. Its own caller receives the value; the followers cannot.
#[tokio::test]
async fn a_value_that_cannot_be_cloned_is_an_error_for_followers() {
    for cache in caches().await {
        let region: Region<u64, Unclonable> = region(&cache, "unclonable");
        let point = Arc::new(SyncPoint::new());
        let read = |point: Option<Arc<SyncPoint>>| {
            let region = region.clone();
            tokio::spawn(async move {
                let load = || async move {
                    if let Some(point) = point {
                        point.pass().await;
                    }
                    Ok::<_, Error>(Unclonable(5))
                };
                region.get_or_load(&1, load).await
            })
        };
        let first = read(Some(Arc::clone(&point)));
        point.reached().await;
        let waiting: Vec<_> = (0..20).map(|_| read(None)).collect();
        point.open();
        assert_eq!(in_time(first).await.unwrap().unwrap(), Unclonable(5));
        for caller in waiting {
            match in_time(caller).await.unwrap() {
                Ok(value) => assert_eq!(value, Unclonable(5)),
                Err(error) => assert_eq!(error.kind(), cache_core::ErrorKind::LoadPanicked, "{error}"),
            }
        }
        assert_eq!(region.in_flight(), 0);
    }
}

fn region<R: cache_core::Cacheable>(cache: &Cache, entity: &'static str) -> Region<u64, R> {
    cache.region("user:code", entity, ReadPolicy::new(PATIENCE))
}

/// A key whose text panics for one number. Its `Eq` does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Loud(u64);

impl CacheKey for Loud {
    fn write_key(&self, out: &mut KeyWriter) {
        assert_ne!(self.0, BAD, "the text of the key panics");
        self.0.write_key(out);
    }
}

#[cached_store(namespace = "user:keys")]
#[async_trait]
trait Keyed: Send + Sync {
    #[cached(entity = "keyed", key(id), ttl = "10m")]
    async fn one(&self, id: Loud) -> Result<u64, Error>;

    #[cached(batch = one)]
    async fn many(&self, ids: &[Loud]) -> Result<HashMap<Loud, u64>, Error>;
}

#[async_trait]
impl Keyed for Plain {
    async fn one(&self, id: Loud) -> Result<u64, Error> {
        Ok(id.0)
    }

    async fn many(&self, ids: &[Loud]) -> Result<HashMap<Loud, u64>, Error> {
        Ok(ids.iter().map(|id| (id.clone(), id.0)).collect())
    }
}

/// The panic reaches only its caller.
///
/// Fails if a flight compares its key when it ends: the second panic aborts the process.
#[tokio::test]
async fn a_panic_in_a_keys_display_affects_only_its_caller() {
    for cache in caches().await {
        let keyed = Arc::new(CachingKeyed::new(Arc::<Plain>::default(), &cache));
        for _ in 0..2 {
            let (one, many) = (Arc::clone(&keyed), Arc::clone(&keyed));
            let one = tokio::spawn(async move { one.one(Loud(BAD)).await });
            assert!(in_time(one).await.unwrap_err().is_panic());
            let many = tokio::spawn(async move { many.many(&[Loud(1), Loud(BAD)]).await });
            assert!(in_time(many).await.unwrap_err().is_panic());
        }
        assert_eq!(in_time(keyed.many(&[Loud(1), Loud(2)])).await.unwrap().len(), 2);
    }
}

/// An error whose first clone, for all followers, works; each follower's own clone panics.
#[derive(Debug)]
struct Once(Arc<AtomicU64>);

impl Clone for Once {
    fn clone(&self) -> Self {
        assert_eq!(self.0.fetch_add(1, Ordering::SeqCst), 0, "the second Clone panics");
        Self(Arc::clone(&self.0))
    }
}

#[cached_store(namespace = "user:errors")]
#[async_trait]
trait Failing: Send + Sync {
    #[cached(entity = "failing", key(id), ttl = "10m")]
    async fn fails(&self, id: u64) -> Result<u64, Once>;
}

/// A store whose first call waits at the point.
struct Fails {
    point: SyncPoint,
    calls: AtomicU64,
}

#[async_trait]
impl Failing for Fails {
    async fn fails(&self, _: u64) -> Result<u64, Once> {
        if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
            self.point.pass().await;
        }
        Err(Once(Arc::default()))
    }
}

/// Followers that cannot receive the error of another load call the store themselves.
#[tokio::test]
async fn an_error_whose_clone_panics_is_not_shared() {
    let plain = Arc::new(Fails { point: SyncPoint::new(), calls: AtomicU64::new(0) });
    let failing = Arc::new(CachingFailing::new(Arc::clone(&plain), &Cache::pass_through()));
    let read = || {
        let failing = Arc::clone(&failing);
        tokio::spawn(async move { failing.fails(1).await })
    };
    let first = read();
    plain.point.reached().await;
    let waiting: Vec<_> = (0..5).map(|_| read()).collect();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    plain.point.open();
    assert!(in_time(first).await.unwrap().is_err());
    for caller in waiting {
        assert!(in_time(caller).await.expect("the panic reaches no caller").is_err());
    }
}
