//! Parameters of many types as parts of keys.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU64;
use std::ops::{Range, RangeInclusive};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cache_core::{Cache, CacheKey, cached_store};

use super::support::{Calls, each_cache, eventually, settled, two_instances};

/// A key that borrows.
#[derive(Debug, Clone, Copy, CacheKey)]
pub(super) enum StateKey<'a> {
    Room(&'a str),
    User(&'a str, u64),
}

/// A typed id.
#[derive(Debug, CacheKey)]
pub(super) struct Id<T> {
    raw: u64,
    of: PhantomData<fn() -> T>,
}

#[test]
fn a_typed_id_is_its_number() {
    let id = |raw| Id::<String> { raw, of: PhantomData };
    assert!(id(1).same_key(&id(1)));
    assert!(!id(1).same_key(&id(2)));
}

#[cached_store(namespace = "reach:key-types")]
pub(super) trait Store: Send + Sync {
    #[cached(entity = "point", key(x, y), ttl = "5m")]
    async fn point(&self, x: f64, y: f32) -> u64;

    #[cached(entity = "floats", key(list, at, pair), ttl = "5m")]
    async fn floats(&self, list: &[f64], at: Option<f64>, pair: (f32, u8)) -> u64;

    #[cached(entity = "state", key(key), ttl = "5m", load = inline)]
    async fn state(&self, key: StateKey<'_>) -> u64;

    #[cached(entity = "state-ref", key(tenant, key), ttl = "5m", load = inline)]
    async fn state_ref(&self, tenant: u64, key: &StateKey<'_>) -> u64;

    #[cached(entity = "texts", key(list, pair, cow), ttl = "5m", load = inline)]
    async fn texts(&self, list: &[&str], pair: (u64, &str), cow: Cow<'_, str>) -> u64;

    #[cached(entity = "std", key(id, span, at, name, boxed, shared, address), ttl = "5m")]
    #[expect(clippy::too_many_arguments, reason = "each is a type of its own")]
    async fn standard(
        &self,
        id: NonZeroU64,
        span: Duration,
        at: SystemTime,
        name: Cow<'static, str>,
        boxed: Box<str>,
        shared: Arc<str>,
        address: IpAddr,
    ) -> u64;

    #[cached(entity = "sets", key(set, map, range, closed, bytes, letter, big), ttl = "5m")]
    #[expect(clippy::too_many_arguments, reason = "each is a type of its own")]
    async fn collections(
        &self,
        set: &BTreeSet<u64>,
        map: BTreeMap<String, u8>,
        range: Range<u64>,
        closed: RangeInclusive<u64>,
        bytes: &[u8],
        letter: char,
        big: u128,
    ) -> u64;

    #[cached(entity = "file", key(path, parent), ttl = "5m")]
    async fn file(&self, path: &Path, parent: Option<PathBuf>) -> u64;

    #[invalidates(file(path, None))]
    async fn write(&self, path: &Path);

    #[invalidates(point(x, 1.5), floats([x], Some(x), (1.0, 1)), state(StateKey::Room("a")), state_ref(1, ..))]
    async fn change(&self, x: f64);
}

#[derive(Debug, Default)]
struct Numbers(Calls);

impl Numbers {
    fn next(&self) -> u64 {
        self.0.add() as u64
    }
}

impl Store for Numbers {
    async fn point(&self, _: f64, _: f32) -> u64 {
        self.next()
    }

    async fn floats(&self, _: &[f64], _: Option<f64>, _: (f32, u8)) -> u64 {
        self.next()
    }

    async fn state(&self, _: StateKey<'_>) -> u64 {
        self.next()
    }

    async fn state_ref(&self, _: u64, _: &StateKey<'_>) -> u64 {
        self.next()
    }

    async fn texts(&self, _: &[&str], _: (u64, &str), _: Cow<'_, str>) -> u64 {
        self.next()
    }

    async fn standard(
        &self,
        _: NonZeroU64,
        _: Duration,
        _: SystemTime,
        _: Cow<'static, str>,
        _: Box<str>,
        _: Arc<str>,
        _: IpAddr,
    ) -> u64 {
        self.next()
    }

    async fn collections(
        &self,
        _: &BTreeSet<u64>,
        _: BTreeMap<String, u8>,
        _: Range<u64>,
        _: RangeInclusive<u64>,
        _: &[u8],
        _: char,
        _: u128,
    ) -> u64 {
        self.next()
    }

    async fn file(&self, _: &Path, _: Option<PathBuf>) -> u64 {
        self.next()
    }

    async fn write(&self, _: &Path) {}

    async fn change(&self, _: f64) {}
}

async fn over(cache: &Cache) -> CachingStore<Numbers> {
    let store = CachingStore::new(Numbers::default().into(), cache);
    settled(cache).await;
    store
}

#[tokio::test]
async fn floating_point_numbers_are_keys_by_their_value() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        assert_eq!((store.point(0.5, 1.5).await, store.point(0.5, 1.5).await), (1, 1));
        assert_eq!((store.point(0.25, 1.5).await, store.point(0.5, 2.5).await), (2, 3));
        assert_eq!((store.point(f64::INFINITY, 0.0).await, store.point(f64::INFINITY, -0.0).await), (4, 4));
        let list = [0.5, 1.5];
        assert_eq!(store.floats(&list, Some(0.5), (1.0, 1)).await, 5);
        assert_eq!(store.floats(&list, Some(0.5), (1.0, 1)).await, 5);
        assert_eq!(store.floats(&list[..1], Some(0.5), (1.0, 1)).await, 6);
        assert_eq!(store.peek_point(0.5, 1.5), Some(1));
        store.change(0.5).await;
        assert_eq!((store.peek_point(0.5, 1.5), store.peek_point(0.5, 2.5)), (None, Some(3)));
        assert_eq!(store.peek_floats(&list[..1], Some(0.5), (1.0, 1)), None);
    }
}

#[tokio::test]
async fn paths_are_keys_also_without_being_text() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let paths = [b"a/b" as &[u8], b"a//b", b"\xFF", b"\xFE"].map(|bytes| Path::new(OsStr::from_bytes(bytes)));
        for _ in 0..2 {
            for (path, number) in paths.into_iter().zip(1..) {
                assert_eq!(store.file(path, None).await, number);
            }
            assert_eq!(store.file(paths[0], Some(paths[2].to_owned())).await, 5);
        }
        store.write(paths[3]).await;
        assert_eq!((store.peek_file(paths[3], None), store.peek_file(paths[2], None)), (None, Some(3)));
    }
}

#[tokio::test]
async fn a_call_with_a_nan_goes_to_the_store() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        assert_eq!((store.point(f64::NAN, 1.0).await, store.point(f64::NAN, 1.0).await), (1, 2));
        assert_eq!((store.floats(&[f64::NAN], None, (1.0, 1)).await, store.peek_point(f64::NAN, 1.0)), (3, None));
        assert_eq!(
            (store.fresh().point(f64::NAN, 1.0).await, store.cached_only().point(f64::NAN, 1.0).await),
            (4, None)
        );
    }
}

#[tokio::test]
async fn arguments_that_borrow_are_keys_of_inline_loads() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let room = "a".to_owned();
        assert_eq!((store.state(StateKey::Room(&room)).await, store.state(StateKey::Room("a")).await), (1, 1));
        assert_eq!((store.state(StateKey::User("a", 1)).await, store.state(StateKey::Room("b")).await), (2, 3));
        assert_eq!(
            (store.state_ref(1, &StateKey::Room("a")).await, store.state_ref(1, &StateKey::Room("a")).await),
            (4, 4)
        );
        assert_eq!(store.texts(&["a", "b"], (1, "x"), "c".into()).await, 5);
        assert_eq!(store.texts(&["a", "b"], (1, "x"), room.replace('a', "c").into()).await, 5);
        assert_eq!(store.texts(&["a"], (1, "x"), "b".into()).await, 6);
        store.change(0.5).await;
        assert_eq!((store.peek_state(StateKey::Room("a")), store.peek_state(StateKey::Room("b"))), (None, Some(3)));
        assert_eq!(store.peek_state_ref(1, &StateKey::Room("a")), None);
    }
}

#[tokio::test]
async fn another_instance_finds_the_entries_of_every_type() {
    for [one, two] in two_instances().await {
        entries_of_every_type(&one, &two).await;
    }
}

async fn entries_of_every_type(one: &Cache, two: &Cache) {
    let (here, there) = (over(one).await, over(two).await);
    let (set, map) = (BTreeSet::from([1, 2]), BTreeMap::from([("a".to_owned(), 1)]));
    let at = SystemTime::UNIX_EPOCH - Duration::from_nanos(1);
    for store in [&here, &there] {
        let standard = store.standard(
            NonZeroU64::MIN,
            Duration::from_millis(1500),
            at,
            "name".into(),
            "boxed".into(),
            "shared".into(),
            Ipv4Addr::LOCALHOST.into(),
        );
        assert_eq!(standard.await, 1);
        assert_eq!(store.collections(&set, map.clone(), 1..2, 1..=2, b"bytes", 'c', u128::MAX).await, 2);
        assert_eq!(store.point(-0.0, 1.5).await, 3);
        assert_eq!(store.state(StateKey::User("a:b", 1)).await, 4);
        eventually("all are filled", || one.stats().total().fills == 4).await;
    }
    assert_eq!((there.backing().0.count(), there.point(0.0, 1.5).await), (0, 3), "both zeros are one key");
}
