//! Methods that take `&mut self`: on clones of a handle, and behind a lock. And `Arc<Self>`.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cache_core::{RwLock, cached_store};

use super::support::{Calls, decorated, worlds};

#[cached_store(namespace = "reach:exclusive:clone", mode = strict, exclusive = clone)]
pub(super) trait Jobs: Send + Sync {
    #[cached(entity = "job", key(id), ttl = "5m", negative_ttl = "5m")]
    async fn fetch(&mut self, id: u64) -> Result<Option<String>, String>;

    #[cached(entity = "length", key(id), ttl = "5m", load = inline)]
    async fn length(&mut self, id: u64) -> Result<usize, String>;

    #[cached(batch = fetch)]
    async fn fetch_many(&mut self, ids: &[u64]) -> Result<HashMap<u64, String>, String>;

    #[invalidates(fetch(id), length(id))]
    async fn push(&mut self, id: u64, job: String) -> Result<(), String>;

    #[invalidates(fetch(id), length(id))]
    fn boxed<'a>(&'a mut self, id: u64) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

    #[uncached]
    fn opaque(&mut self) -> impl Future<Output = usize> + Send;

    #[uncached]
    fn erased(&mut self) -> Pin<Box<dyn Future<Output = usize> + Send>>;

    fn clear(&mut self) -> usize;

    /// `&self`, on the shared store.
    fn calls(&self) -> usize;

    #[cached(entity = "shared", key(id), ttl = "5m")]
    async fn shared(self: Arc<Self>, id: u64) -> Result<u64, String>;

    #[invalidates(shared(id))]
    fn touch(self: Arc<Self>, id: u64) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

    #[uncached]
    fn opaque_of_pointer(self: Arc<Self>) -> impl Future<Output = usize> + Send;
}

/// A handle over a table.
#[derive(Clone, Default)]
struct Handle {
    table: Arc<Mutex<HashMap<u64, String>>>,
    calls: Arc<Calls>,
}

impl Jobs for Handle {
    async fn fetch(&mut self, id: u64) -> Result<Option<String>, String> {
        self.calls.add();
        Ok(self.table.lock().unwrap().get(&id).cloned())
    }

    async fn length(&mut self, id: u64) -> Result<usize, String> {
        self.calls.add();
        Ok(self.table.lock().unwrap().get(&id).map_or(0, String::len))
    }

    async fn fetch_many(&mut self, ids: &[u64]) -> Result<HashMap<u64, String>, String> {
        self.calls.add();
        let table = self.table.lock().unwrap();
        Ok(ids.iter().filter_map(|id| Some((*id, table.get(id)?.clone()))).collect())
    }

    async fn push(&mut self, id: u64, job: String) -> Result<(), String> {
        self.table.lock().unwrap().insert(id, job);
        Ok(())
    }

    fn boxed<'a>(&'a mut self, id: u64) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            self.table.lock().unwrap().remove(&id);
            Ok(())
        })
    }

    async fn opaque(&mut self) -> usize {
        self.table.lock().unwrap().len()
    }

    fn erased(&mut self) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        let table = Arc::clone(&self.table);
        Box::pin(async move { table.lock().unwrap().len() })
    }

    fn clear(&mut self) -> usize {
        self.table.lock().unwrap().drain().count()
    }

    fn calls(&self) -> usize {
        self.calls.count()
    }

    async fn shared(self: Arc<Self>, id: u64) -> Result<u64, String> {
        self.calls.add();
        Ok(id)
    }

    fn touch(self: Arc<Self>, _: u64) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        Box::pin(async { Ok(()) })
    }

    async fn opaque_of_pointer(self: Arc<Self>) -> usize {
        self.calls.count()
    }
}

/// Calls the methods of the trait, which take `&mut self`.
async fn through_the_trait(jobs: &mut impl Jobs) {
    jobs.push(1, "one".to_owned()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(jobs.fetch(1).await, Ok(Some("one".to_owned())));
        assert_eq!(jobs.length(1).await, Ok(3));
        assert_eq!(jobs.fetch_many(&[1, 2]).await, Ok(HashMap::from([(1, "one".to_owned())])));
    }
    assert_eq!(jobs.calls(), 3, "`fetch`, `length`, and the key that `fetch_many` lacked");
    assert_eq!(jobs.opaque().await, 1);
    assert_eq!(jobs.erased().await, 1);
    jobs.boxed(1).await.unwrap();
    assert_eq!(jobs.fetch(1).await, Ok(None));
    assert_eq!(jobs.clear(), 0);
}

#[tokio::test]
async fn exclusive_methods_run_on_clones_of_a_handle() {
    for caches in worlds().await {
        let store = Arc::new(Handle::default());
        let mut decorators = decorated(&caches, |cache| CachingJobs::new(store.clone(), cache)).await;
        through_the_trait(&mut decorators[0]).await;
        // The decorator's own functions need no exclusive access.
        let (jobs, other) = (&decorators[0], &decorators[caches.len() - 1]);
        assert_eq!(jobs.fetch(2).await, Ok(None));
        other.push(2, "two".to_owned()).await.unwrap();
        assert_eq!(jobs.fetch(2).await, Ok(Some("two".to_owned())));
    }
}

#[tokio::test]
async fn methods_on_a_shared_pointer_are_cached() {
    for caches in worlds().await {
        let store = Arc::new(Handle::default());
        let mut decorators = decorated(&caches, |cache| CachingJobs::new(store.clone(), cache)).await;
        let jobs = Arc::new(decorators.swap_remove(0));
        for _ in 0..2 {
            assert_eq!(Jobs::shared(Arc::clone(&jobs), 1).await, Ok(1));
        }
        assert_eq!(Jobs::opaque_of_pointer(Arc::clone(&jobs)).await, 1);
        Jobs::touch(Arc::clone(&jobs), 1).await.unwrap();
        jobs.as_ref().shared(1).await.unwrap();
        assert_eq!(jobs.backing().calls.count(), 2);
    }
}

#[cached_store(namespace = "reach:exclusive:lock", mode = strict, exclusive = lock)]
#[async_trait]
pub(super) trait Tokens: Send + Sync {
    #[cached(entity = "token", key(id), ttl = "5m", negative_ttl = "5m")]
    async fn token(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(token(id))]
    async fn save(&mut self, id: u64, token: String) -> Result<(), String>;

    #[invalidates(token(result))]
    fn add(&mut self, token: String) -> Pin<Box<dyn Future<Output = Result<u64, String>> + Send + '_>>;

    #[uncached]
    async fn count(&self) -> usize;
}

#[derive(Default)]
struct Table {
    tokens: HashMap<u64, String>,
    calls: Calls,
}

#[async_trait]
impl Tokens for Table {
    async fn token(&self, id: u64) -> Result<Option<String>, String> {
        self.calls.add();
        Ok(self.tokens.get(&id).cloned())
    }

    async fn save(&mut self, id: u64, token: String) -> Result<(), String> {
        self.tokens.insert(id, token);
        Ok(())
    }

    fn add(&mut self, token: String) -> Pin<Box<dyn Future<Output = Result<u64, String>> + Send + '_>> {
        Box::pin(async move {
            let id = self.tokens.len() as u64;
            self.tokens.insert(id, token);
            Ok(id)
        })
    }

    async fn count(&self) -> usize {
        self.calls.count()
    }
}

#[tokio::test]
async fn exclusive_methods_take_the_lock_of_the_store_for_their_call() {
    for caches in worlds().await {
        let table: Arc<RwLock<dyn Tokens>> = Arc::new(RwLock::new(Table::default()));
        let mut decorators = decorated(&caches, |cache| CachingTokens::new(Arc::clone(&table), cache)).await;
        let mut other = decorators[caches.len() - 1].clone();
        let tokens = &mut decorators[0];
        for _ in 0..2 {
            assert_eq!(tokens.token(0).await, Ok(None));
        }
        let written: &mut dyn Tokens = &mut other;
        assert_eq!(written.add("zero".to_owned()).await, Ok(0));
        assert_eq!(written.token(0).await, Ok(Some("zero".to_owned())));
        written.save(0, "nil".to_owned()).await.unwrap();
        assert_eq!(tokens.token(0).await, Ok(Some("nil".to_owned())));
        assert_eq!(tokens.count().await, 3);
    }
}

#[tokio::test]
async fn a_hit_takes_no_lock() {
    for caches in worlds().await {
        let table = Arc::new(RwLock::new(Table::default()));
        let tokens = &decorated(&caches, |cache| CachingTokens::new(Arc::clone(&table), cache)).await[0];
        assert_eq!(tokens.token(7).await, Ok(None));
        let writer = table.write().await;
        assert_eq!(tokens.token(7).await, Ok(None), "the lock is taken, and a hit does not wait for it");
        let mut waiting = Box::pin(tokens.token(8));
        for _ in 0..100 {
            assert!(futures_util::poll!(&mut waiting).is_pending(), "a load waits for it");
            tokio::task::yield_now().await;
        }
        drop(writer);
        assert_eq!(waiting.await, Ok(None));
    }
}
