//! The views of a decorator: `fresh`, `uncached` and `cached_only`.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cache_core::{Cache, ErrorKind, cached_store};
use futures_util::future::{join, join_all};
use tokio::sync::Semaphore;

use super::support::{Calls, each_cache, eventually, settled, two_instances};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failed {
    Broken,
    Cache(ErrorKind),
}

impl From<cache_core::Error> for Failed {
    fn from(error: cache_core::Error) -> Self {
        Self::Cache(error.kind())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what `visible_if` takes")]
fn is_open(value: &u64, _: &u64, reader: &str) -> bool {
    *value < 100 || reader == "owner"
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what `cache_if` takes")]
fn is_kept(value: &u64) -> bool {
    *value != 7
}

#[cached_store(namespace = "reach:views")]
#[async_trait]
pub(super) trait PriceStore: Send + Sync {
    #[cached(entity = "price", key(id), ttl = "5m", cache_if = is_kept)]
    async fn price(&self, id: u64) -> Result<Option<u64>, Failed>;

    #[cached(batch = price)]
    async fn prices(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Failed>;

    #[cached(entity = "label", key(name), ttl = "5m", load = inline)]
    async fn label(&self, name: &str) -> Result<u64, Failed>;

    #[cached(entity = "guarded", key(id), ignore(reader), ttl = "5m", visible_if = is_open)]
    async fn guarded(&self, id: u64, reader: &str) -> Result<u64, Failed>;

    #[invalidates(price(id), label(..), guarded(id))]
    async fn set(&self, id: u64, value: u64) -> Result<(), Failed>;

    #[uncached]
    async fn count(&self) -> Result<u64, Failed>;

    fn name(&self) -> String;
}

#[derive(Debug)]
struct Store {
    value: AtomicU64,
    absent: AtomicBool,
    calls: Calls,
    /// A load reads the value, then needs a permit to return.
    gate: Arc<Semaphore>,
}

impl Default for Store {
    fn default() -> Self {
        let open = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { value: AtomicU64::new(1), absent: AtomicBool::default(), calls: Calls::default(), gate: open }
    }
}

impl Store {
    async fn read(&self) -> u64 {
        self.calls.add();
        let value = self.value.load(Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        value
    }

    /// Changes the value behind the back of the decorator.
    fn changes(&self, value: u64) {
        self.value.store(value, Ordering::SeqCst);
    }

    fn close(&self) {
        let _ = self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn open(&self, loads: usize) {
        self.gate.add_permits(loads);
    }
}

#[async_trait]
impl PriceStore for Store {
    async fn price(&self, _: u64) -> Result<Option<u64>, Failed> {
        let value = self.read().await;
        Ok((!self.absent.load(Ordering::SeqCst)).then_some(value))
    }

    async fn prices(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Failed> {
        let value = self.read().await;
        Ok(ids.iter().map(|id| (*id, value)).collect())
    }

    async fn label(&self, _: &str) -> Result<u64, Failed> {
        Ok(self.read().await)
    }

    async fn guarded(&self, _: u64, _: &str) -> Result<u64, Failed> {
        Ok(self.read().await)
    }

    async fn set(&self, _: u64, value: u64) -> Result<(), Failed> {
        self.changes(value);
        Ok(())
    }

    async fn count(&self) -> Result<u64, Failed> {
        self.calls.add();
        Ok(1)
    }

    fn name(&self) -> String {
        "prices".to_owned()
    }
}

async fn over(cache: &Cache) -> CachingPriceStore<Store> {
    let store = CachingPriceStore::new(Store::default().into(), cache);
    settled(cache).await;
    store
}

#[tokio::test]
async fn a_fresh_read_calls_the_store_and_replaces_the_cached_value() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        assert_eq!(store.price(1).await, Ok(Some(1)));
        store.backing().changes(2);
        assert_eq!(store.price(1).await, Ok(Some(1)), "the cached value");
        assert_eq!(store.fresh().price(1).await, Ok(Some(2)));
        assert_eq!(store.price(1).await, Ok(Some(2)), "the fresh value");
        assert_eq!(store.backing().calls.count(), 2);
    }
}

#[tokio::test]
async fn another_instance_finds_the_fresh_value_in_the_shared_tier() {
    for [one, two] in two_instances().await {
        let (here, there) = (over(&one).await, over(&two).await);
        here.price(1).await.unwrap();
        here.backing().changes(2);
        here.fresh().price(1).await.unwrap();
        eventually("both are filled", || one.stats().total().fills == 2).await;
        assert_eq!(there.price(1).await, Ok(Some(2)));
        assert_eq!(there.backing().calls.count(), 0);
    }
}

#[tokio::test]
async fn a_fresh_value_that_must_not_be_cached_takes_the_old_one_out() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        store.price(1).await.unwrap();
        store.backing().changes(7);
        assert_eq!(store.fresh().price(1).await, Ok(Some(7)));
        assert_eq!(store.cached_only().price(1).await, None, "`cache_if` refused the fresh value");
        store.backing().changes(3);
        assert_eq!(store.price(1).await, Ok(Some(3)));
        store.backing().absent.store(true, Ordering::SeqCst);
        assert_eq!(store.fresh().price(1).await, Ok(None));
        assert_eq!(store.cached_only().price(1).await, None, "there is no `negative_ttl`");
    }
}

#[tokio::test]
async fn a_fresh_read_does_not_join_a_flight_that_began_before_it() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        store.backing().close();
        let calls = || store.backing().calls.count();
        let reads = join_all((0..2).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.price(1).await })
        }));
        eventually("the usual read has begun", || calls() == 1).await;
        // The usual read in flight has seen the old value; one more waits for the next flight, which becomes a fresh one.
        store.backing().changes(2);
        let fresh = join_all((0..3).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.fresh().price(1).await })
        }));
        let both = tokio::spawn(join(reads, fresh));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        store.backing().open(2);
        let (_, fresh) = both.await.unwrap();
        for value in fresh {
            assert_eq!(value.unwrap(), Ok(Some(2)));
        }
        assert_eq!(calls(), 2, "the fresh reads share one load");
        assert_eq!(store.peek_price(1), Some(Some(2)));
    }
}

#[tokio::test]
async fn the_value_of_a_fresh_read_is_not_stored_after_a_write() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        store.backing().close();
        let fresh = tokio::spawn({
            let store = store.clone();
            async move { store.fresh().price(1).await }
        });
        eventually("the fresh read has begun", || store.backing().calls.count() == 1).await;
        store.set(1, 2).await.unwrap();
        store.backing().open(1);
        assert_eq!(fresh.await.unwrap(), Ok(Some(1)), "it read before the write");
        assert_eq!(store.peek_price(1), None);
        store.backing().open(1);
        assert_eq!(store.price(1).await, Ok(Some(2)));
    }
}

#[tokio::test]
async fn an_uncached_read_neither_reads_nor_fills() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let view = store.uncached();
        assert_eq!((view.price(1).await, view.label("a").await), (Ok(Some(1)), Ok(1)));
        assert_eq!((store.peek_price(1), store.peek_label("a")), (None, None));
        store.price(1).await.unwrap();
        store.backing().changes(2);
        assert_eq!(view.price(1).await, Ok(Some(2)));
        assert_eq!(view.prices(&[1, 2]).await, Ok(HashMap::from([(1, 2), (2, 2)])));
        assert_eq!(store.price(1).await, Ok(Some(1)), "the entry is as before");
        assert_eq!(store.peek_price(2), None);
    }
}

#[tokio::test]
async fn a_cached_only_read_never_calls_the_store() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let view = store.cached_only();
        assert_eq!((view.price(1).await, view.label("a").await, view.guarded(1, "guest").await), (None, None, None));
        assert_eq!(view.prices(&[1, 1]).await, None);
        assert_eq!(store.backing().calls.count(), 0);
        store.price(1).await.unwrap();
        store.label("a").await.unwrap();
        assert_eq!((view.price(1).await, view.label("a").await), (Some(Some(1)), Some(1)));
        assert_eq!(view.prices(&[1, 1]).await, Some(HashMap::from([(1, 1)])));
        assert_eq!(view.prices(&[1, 2]).await, None, "one of them is a miss");
        assert_eq!(store.backing().calls.count(), 2);
    }
}

#[tokio::test]
async fn a_cached_only_read_finds_the_value_of_another_instance() {
    for [one, two] in two_instances().await {
        let (here, there) = (over(&one).await, over(&two).await);
        here.prices(&[1, 2]).await.unwrap();
        eventually("both are filled", || one.stats().total().fills == 2).await;
        assert_eq!(there.cached_only().price(1).await, Some(Some(1)));
        assert_eq!(there.peek_price(1), Some(Some(1)), "a copy is in the local tier");
        assert_eq!(there.cached_only().prices(&[1, 2]).await, Some(HashMap::from([(1, 1), (2, 1)])));
    }
}

#[tokio::test]
async fn every_view_asks_whether_the_caller_may_see_a_value() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        store.backing().changes(100);
        store.guarded(1, "owner").await.unwrap();
        assert_eq!(store.cached_only().guarded(1, "owner").await, Some(100));
        assert_eq!(store.cached_only().guarded(1, "guest").await, None);
        assert_eq!(store.fresh().guarded(1, "guest").await, Ok(100), "the store decides");
    }
}

async fn price_of<P: PriceStore>(store: &P) -> Result<Option<u64>, Failed> {
    store.price(1).await
}

#[tokio::test]
async fn views_are_stores_and_their_writes_invalidate() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let only = || store.cached_only().into_store();
        assert_eq!(price_of(&only()).await, Err(Failed::Cache(ErrorKind::NotCached)));
        assert_eq!(price_of(&store).await, Ok(Some(1)));
        assert_eq!(price_of(&only()).await, Ok(Some(1)));
        let views: [Arc<dyn PriceStore>; 3] = [Arc::new(store.fresh()), Arc::new(store.uncached()), Arc::new(only())];
        for (value, view) in (2..).zip(views) {
            store.price(1).await.unwrap();
            view.set(1, value).await.unwrap();
            assert_eq!(store.price(1).await, Ok(Some(value)));
            assert_eq!((view.count().await, view.name().as_str()), (Ok(1), "prices"));
        }
        let view: CachingPriceStoreCachedOnly<Store> = store.cached_only();
        store.set(1, 9).await.unwrap();
        assert_eq!(view.clone().price(1).await, None);
    }
}

/// The forms of futures, with a generic trait and a supertrait that the user implements.
pub(super) trait Named {
    fn called(&self) -> String;
}

#[cached_store(namespace = "reach:views:forms")]
pub(super) trait Forms<A: Clone + Send + Sync + 'static>: Named + Send + Sync {
    type Id: Clone + Send + Sync;

    #[cached(entity = "native", key(id), ttl = "5m")]
    async fn native(&self, id: u64) -> Option<u64>;

    #[cached(entity = "opaque", key(name), ttl = "5m")]
    fn opaque<'a>(&'a self, name: &'a str) -> impl Future<Output = Result<u64, Failed>> + Send + 'a;

    #[cached(entity = "boxed", key(name), ttl = "5m")]
    fn boxed(&self, name: &str) -> std::pin::Pin<Box<dyn Future<Output = Result<u64, Failed>> + Send + 'static>>;

    #[cached(batch = native)]
    async fn natives(&self, ids: Vec<u64>) -> BTreeMap<u64, u64>;

    #[invalidates(native(id))]
    fn put(&self, id: u64, with: A) -> impl Future<Output = ()> + Send;

    #[uncached]
    fn pass<T: Send>(&self, value: T) -> impl Future<Output = T> + Send;

    fn id(&self) -> Self::Id;
}

#[derive(Debug, Default)]
struct InAnyForm(Arc<Mutex<u64>>);

impl InAnyForm {
    fn next(&self) -> u64 {
        let mut calls = self.0.lock().unwrap();
        *calls += 1;
        *calls
    }
}

impl Named for InAnyForm {
    fn called(&self) -> String {
        "backing".to_owned()
    }
}

impl<S: ?Sized + Forms<A>, A: Clone + Send + Sync + 'static> Named for CachingForms<S, A> {
    fn called(&self) -> String {
        "decorator".to_owned()
    }
}

impl Forms<u8> for InAnyForm {
    type Id = u8;

    async fn native(&self, _: u64) -> Option<u64> {
        Some(self.next())
    }

    async fn opaque<'a>(&'a self, _: &'a str) -> Result<u64, Failed> {
        Ok(self.next())
    }

    fn boxed(&self, _: &str) -> std::pin::Pin<Box<dyn Future<Output = Result<u64, Failed>> + Send + 'static>> {
        let value = self.next();
        Box::pin(async move { if value == 0 { Err(Failed::Broken) } else { Ok(value) } })
    }

    async fn natives(&self, ids: Vec<u64>) -> BTreeMap<u64, u64> {
        ids.into_iter().map(|id| (id, self.next())).collect()
    }

    async fn put(&self, _: u64, _: u8) {}

    async fn pass<T: Send>(&self, value: T) -> T {
        value
    }

    fn id(&self) -> u8 {
        1
    }
}

async fn reads_of(store: &impl Forms<u8, Id = u8>) -> [u64; 4] {
    let native = store.native(1).await.unwrap();
    [native, store.opaque("a").await.unwrap(), store.boxed("a").await.unwrap(), store.natives(vec![2]).await[&2]]
}

#[tokio::test]
async fn views_have_every_form_of_a_future() {
    for cache in each_cache().await {
        let store = CachingForms::<_, u8>::new(Arc::new(InAnyForm::default()), &cache);
        settled(&cache).await;
        let first = reads_of(&store.fresh()).await;
        assert_eq!((first, reads_of(&store).await), ([1, 2, 3, 4], first));
        assert_eq!(reads_of(&store.uncached()).await, [5, 6, 7, 8]);
        assert_eq!(reads_of(&store.fresh()).await, [9, 10, 11, 12]);
        let only = store.cached_only();
        assert_eq!((only.native(1).await, only.opaque("a").await), (Some(Some(9)), Some(10)));
        assert_eq!((only.boxed("a").await, only.natives(vec![2]).await), (Some(11), Some([(2, 12)].into())));
        let view = store.fresh();
        view.put(1, 2).await;
        assert_eq!(
            (view.pass("as it is").await, view.called().as_str(), Forms::id(&view)),
            ("as it is", "decorator", 1)
        );
        assert_eq!(only.native(1).await, None);
    }
}
