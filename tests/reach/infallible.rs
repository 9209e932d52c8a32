//! Read methods that do not return a `Result`, spelt out or behind an alias.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use cache_core::testing::ManualClock;
use cache_core::{Cache, cached_store};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::Notify;

use super::support::{Calls, each_cache, eventually, settled, two_instances};

type Maybe<T> = Option<T>;
type Found<T> = Result<Option<T>, String>;
type Name = String;

/// A value of its own type.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Page {
    items: Vec<u64>,
    next: Option<u64>,
}

#[cached_store(namespace = "reach:infallible")]
#[async_trait]
pub(super) trait TokenStore: Send + Sync {
    #[cached(entity = "token", key(id), ttl = "5m", negative_ttl = "5m")]
    async fn get(&self, id: u64) -> Option<String>;

    #[cached(batch = get)]
    async fn get_many(&self, ids: &[u64]) -> HashMap<u64, String>;

    #[cached(entity = "maybe", key(id), ttl = "5m", negative_ttl = "5m")]
    async fn maybe(&self, id: u64) -> Maybe<u64>;

    #[cached(entity = "found", key(id), ttl = "5m", negative_ttl = "5m")]
    async fn found(&self, id: u64) -> Found<u64>;

    #[cached(batch = found)]
    async fn found_many(&self, ids: &[u64]) -> std::collections::BTreeMap<u64, u64>;

    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn name(&self, id: u64) -> Name;

    #[cached(entity = "page", key(after), ttl = "5m", load = inline)]
    async fn page(&self, after: Option<u64>) -> Page;

    #[cached(entity = "pair", key(id), ttl = "5m")]
    async fn pair(&self, id: u64) -> (u64, Vec<u64>);

    #[cached(entity = "nested", key(id), ttl = "5m", negative_ttl = "5m", codec = postcard)]
    async fn nested(&self, id: u64) -> Result<Option<Option<u64>>, String>;

    #[cached(entity = "either", key(id), ttl = "5m")]
    async fn either(&self, id: u64) -> Result<Result<u64, String>, String>;

    #[invalidates(get(id), maybe(id), found(id), name(id), page(..), pair(id), nested(id), either(id))]
    async fn set(&self, id: u64);
}

#[derive(Debug, Default)]
struct Store {
    calls: Calls,
    panics: Calls,
    /// Panics to come.
    broken: Mutex<usize>,
    /// A load waits for it while its name is `held`.
    held: Notify,
}

impl Store {
    fn read(&self) {
        self.calls.add();
        let mut broken = self.broken.lock().unwrap();
        if *broken > 0 {
            *broken -= 1;
            drop(broken);
            self.panics.add();
            panic!("the store is broken");
        }
    }
}

#[async_trait]
impl TokenStore for Store {
    async fn get(&self, id: u64) -> Option<String> {
        self.read();
        if id == 99 {
            self.held.notified().await;
        }
        (id != 0).then(|| format!("token {id}"))
    }

    async fn get_many(&self, ids: &[u64]) -> HashMap<u64, String> {
        self.read();
        ids.iter().filter(|id| **id != 0).map(|id| (*id, format!("token {id}"))).collect()
    }

    async fn maybe(&self, id: u64) -> Maybe<u64> {
        self.read();
        (id != 0).then_some(id)
    }

    async fn found(&self, id: u64) -> Found<u64> {
        self.read();
        if id == 13 { Err("unlucky".to_owned()) } else { Ok((id != 0).then_some(id)) }
    }

    async fn found_many(&self, ids: &[u64]) -> std::collections::BTreeMap<u64, u64> {
        self.read();
        ids.iter().filter(|id| **id != 0).map(|id| (*id, *id)).collect()
    }

    async fn name(&self, id: u64) -> Name {
        self.read();
        format!("name {id}")
    }

    async fn page(&self, after: Option<u64>) -> Page {
        self.read();
        Page { items: vec![after.unwrap_or_default()], next: after }
    }

    async fn pair(&self, id: u64) -> (u64, Vec<u64>) {
        self.read();
        (id, vec![id])
    }

    async fn nested(&self, id: u64) -> Result<Option<Option<u64>>, String> {
        self.read();
        Ok(match id {
            0 => None,
            1 => Some(None),
            id => Some(Some(id)),
        })
    }

    async fn either(&self, id: u64) -> Result<Result<u64, String>, String> {
        self.read();
        match id {
            0 => Err("outer".to_owned()),
            1 => Ok(Err("inner".to_owned())),
            id => Ok(Ok(id)),
        }
    }

    async fn set(&self, _: u64) {}
}

async fn stores() -> Vec<CachingTokenStore<Store>> {
    join_all(each_cache().await.iter().map(over)).await
}

async fn over(cache: &Cache) -> CachingTokenStore<Store> {
    let store = CachingTokenStore::new(Store::default().into(), cache);
    settled(cache).await;
    store
}

#[tokio::test]
async fn values_and_absences_are_cached_and_invalidated() {
    for store in stores().await {
        let calls = || store.backing().calls.count();
        for _ in 0..2 {
            assert_eq!(store.get(1).await.as_deref(), Some("token 1"));
            assert_eq!(store.get(0).await, None);
            assert_eq!(store.maybe(1).await, Some(1));
            assert_eq!(store.maybe(0).await, None);
            assert_eq!(store.found(1).await, Ok(Some(1)));
            assert_eq!(store.found(0).await, Ok(None));
            assert_eq!(store.name(1).await, "name 1");
            assert_eq!(store.page(None).await, Page { items: vec![0], next: None });
            assert_eq!(store.pair(1).await, (1, vec![1]));
        }
        assert_eq!(calls(), 9);
        assert_eq!(store.peek_get(1), Some(Some("token 1".to_owned())));
        store.set(1).await;
        store.get(1).await;
        store.maybe(1).await;
        store.name(1).await;
        assert_eq!(calls(), 12, "each was invalidated");
    }
}

#[tokio::test]
async fn another_instance_finds_the_values_in_the_shared_tier() {
    for [one, two] in two_instances().await {
        let (here, there) = (over(&one).await, over(&two).await);
        here.get(1).await;
        here.get(0).await;
        here.nested(1).await.unwrap();
        here.either(1).await.unwrap().unwrap_err();
        eventually("all are filled", || one.stats().total().fills == 4).await;
        assert_eq!(there.get(1).await.as_deref(), Some("token 1"));
        assert_eq!(there.get(0).await, None);
        assert_eq!(there.nested(1).await, Ok(Some(None)));
        assert_eq!(there.either(1).await, Ok(Err("inner".to_owned())));
        assert_eq!(there.backing().calls.count(), 0);
    }
}

#[tokio::test]
async fn an_error_behind_an_alias_is_not_cached() {
    for store in stores().await {
        for _ in 0..2 {
            assert_eq!(store.found(13).await, Err("unlucky".to_owned()));
        }
        assert_eq!(store.backing().calls.count(), 2);
    }
}

#[tokio::test]
async fn only_the_outermost_option_is_an_absence_and_only_the_outermost_result_an_error() {
    for store in stores().await {
        for _ in 0..2 {
            assert_eq!(store.nested(0).await, Ok(None));
            assert_eq!(store.nested(1).await, Ok(Some(None)));
            assert_eq!(store.nested(2).await, Ok(Some(Some(2))));
            assert_eq!(store.either(1).await, Ok(Err("inner".to_owned())));
            assert_eq!(store.either(2).await, Ok(Ok(2)));
        }
        assert_eq!(store.backing().calls.count(), 5);
        for _ in 0..2 {
            assert_eq!(store.either(0).await, Err("outer".to_owned()));
        }
        assert_eq!(store.backing().calls.count(), 7);
    }
}

#[tokio::test]
async fn batches_share_the_entries_of_infallible_methods() {
    for store in stores().await {
        let calls = || store.backing().calls.count();
        store.get(1).await;
        let found = store.get_many(&[0, 1, 2]).await;
        assert_eq!(found, HashMap::from([(1, "token 1".to_owned()), (2, "token 2".to_owned())]));
        assert_eq!(calls(), 2);
        assert_eq!((store.get(0).await, store.get(2).await.is_some()), (None, true));
        assert_eq!(calls(), 2, "the absence and the value of the batch");
        assert_eq!(store.found_many(&[3]).await, [(3, 3)].into());
        assert_eq!((store.found(3).await, calls()), (Ok(Some(3)), 3));
    }
}

#[tokio::test]
async fn a_panic_of_the_store_continues_in_its_caller_and_followers_load_for_themselves() {
    for store in stores().await {
        *store.backing().broken.lock().unwrap() = 1;
        let reads = (0..3).map(|_| std::panic::AssertUnwindSafe(store.get(1)).catch_unwind());
        let ended = join_all(reads).await;
        let (values, panics): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
        assert_eq!((panics.len(), store.backing().panics.count()), (1, 1));
        assert!(values.into_iter().all(|value| value.unwrap().as_deref() == Some("token 1")));
        assert_eq!(store.get(1).await.as_deref(), Some("token 1"), "the key is free again");
    }
}

#[tokio::test]
async fn a_load_after_its_deadline_is_a_direct_one_and_not_cached() {
    let clock = ManualClock::new();
    let cache = Cache::single_instance_with_clock(clock.clone());
    let store = CachingTokenStore::new(Store::default().into(), &cache);
    let backing = std::sync::Arc::clone(store.backing());
    let slow = tokio::spawn({
        let store = store.clone();
        async move { store.get(99).await }
    });
    eventually("the load has begun", || backing.calls.count() == 1).await;
    clock.advance(Duration::from_secs(31));
    eventually("the caller calls the store", || cache.stats().total().bypasses == 1).await;
    assert!(!slow.is_finished(), "the caller waits for the store itself");
    backing.held.notify_one();
    assert_eq!(slow.await.unwrap().as_deref(), Some("token 99"));
    assert_eq!(store.peek_get(99), None, "a late value is not cached");
    backing.held.notify_one();
    assert_eq!(store.get(99).await.as_deref(), Some("token 99"));
    assert_eq!((backing.calls.count(), store.peek_get(99).is_some()), (2, true));
}
