//! A storage of jobs in the shape of that of apalis-core: associated types, and `&mut self` in every method.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use cache_core::{RwLock, cached_store};

use self::storage::Storage;
use super::support::{Calls, decorated, worlds};

/// As another crate declares it.
mod storage {
    use std::fmt::Debug;
    use std::future::Future;
    use std::hash::Hash;

    /// A storage of jobs.
    pub(super) trait Storage {
        type Job: Clone + Send;
        type Identifier: Clone + Debug + Eq + Hash + Send;
        type Error: Debug + Send;

        fn push(&mut self, job: Self::Job) -> impl Future<Output = Result<Self::Identifier, Self::Error>> + Send;

        fn fetch_by_id(
            &mut self,
            id: &Self::Identifier,
        ) -> impl Future<Output = Result<Option<Self::Job>, Self::Error>> + Send;

        fn update(
            &mut self,
            id: Self::Identifier,
            job: Self::Job,
        ) -> impl Future<Output = Result<(), Self::Error>> + Send;

        fn len(&mut self) -> impl Future<Output = Result<usize, Self::Error>> + Send;

        fn is_empty(&mut self) -> impl Future<Output = Result<bool, Self::Error>> + Send
        where
            Self: Send,
        {
            async { Ok(self.len().await? == 0) }
        }
    }
}

/// Over a handle.
#[cached_store(foreign = storage::Storage, namespace = "foreign:jobs:handle", exclusive = clone, mode = strict)]
trait Jobs {
    type Job: Clone + Send;
    type Identifier: Clone + Debug + Eq + Hash + Send;
    type Error: Debug + Send;

    #[invalidates(fetch_by_id(result), len())]
    async fn push(&mut self, job: Self::Job) -> Result<Self::Identifier, Self::Error>;

    #[cached(entity = "job", key(id), ttl = "5m", negative_ttl = "5m")]
    async fn fetch_by_id(&mut self, id: &Self::Identifier) -> Result<Option<Self::Job>, Self::Error>;

    #[invalidates(fetch_by_id(&id))]
    async fn update(&mut self, id: Self::Identifier, job: Self::Job) -> Result<(), Self::Error>;

    #[cached(entity = "length", key(), ttl = "5m")]
    async fn len(&mut self) -> Result<usize, Self::Error>;

    #[over(decorator)]
    async fn is_empty(&mut self) -> Result<bool, Self::Error>
    where
        Self: Send;
}

/// Over a store behind a lock.
#[cached_store(foreign = storage::Storage, namespace = "foreign:jobs:lock", exclusive = lock, mode = strict)]
trait LockedJobs {
    type Job: Clone + Send;
    type Identifier: Clone + Debug + Eq + Hash + Send;
    type Error: Debug + Send;

    #[invalidates(fetch_by_id(result), len())]
    async fn push(&mut self, job: Self::Job) -> Result<Self::Identifier, Self::Error>;

    #[cached(entity = "job", key(id), ttl = "5m", negative_ttl = "5m")]
    async fn fetch_by_id(&mut self, id: &Self::Identifier) -> Result<Option<Self::Job>, Self::Error>;

    #[invalidates(fetch_by_id(&id))]
    async fn update(&mut self, id: Self::Identifier, job: Self::Job) -> Result<(), Self::Error>;

    #[cached(entity = "length", key(), ttl = "5m")]
    async fn len(&mut self) -> Result<usize, Self::Error>;
}

#[derive(Clone, Default)]
struct Table {
    jobs: Arc<Mutex<HashMap<u64, String>>>,
    reads: Arc<Calls>,
}

impl Storage for Table {
    type Job = String;
    type Identifier = u64;
    type Error = String;

    async fn push(&mut self, job: String) -> Result<u64, String> {
        let mut jobs = self.jobs.lock().unwrap();
        let id = jobs.len() as u64;
        jobs.insert(id, job);
        Ok(id)
    }

    async fn fetch_by_id(&mut self, id: &u64) -> Result<Option<String>, String> {
        self.reads.add();
        Ok(self.jobs.lock().unwrap().get(id).cloned())
    }

    async fn update(&mut self, id: u64, job: String) -> Result<(), String> {
        self.jobs.lock().unwrap().insert(id, job);
        Ok(())
    }

    async fn len(&mut self) -> Result<usize, String> {
        self.reads.add();
        Ok(self.jobs.lock().unwrap().len())
    }
}

/// Reads through one storage, and writes through another.
async fn work<S>(one: &mut S, other: &mut S)
where
    S: Storage<Job = String, Identifier = u64, Error = String> + Send,
{
    for _ in 0..2 {
        assert_eq!(one.fetch_by_id(&0).await, Ok(None));
        assert_eq!(one.is_empty().await, Ok(true));
    }
    assert_eq!(other.push("first".to_owned()).await, Ok(0));
    for _ in 0..2 {
        assert_eq!(one.fetch_by_id(&0).await.unwrap().as_deref(), Some("first"));
        assert_eq!(one.is_empty().await, Ok(false));
    }
    other.update(0, "second".to_owned()).await.unwrap();
    assert_eq!(one.fetch_by_id(&0).await.unwrap().as_deref(), Some("second"));
}

#[tokio::test]
async fn jobs_of_a_handle_are_cached() {
    for caches in worlds().await {
        let table = Table::default();
        let decorators = decorated(&caches, |cache| CachingJobs::new(Arc::new(table.clone()), cache)).await;
        let (mut one, mut other) = (decorators[0].clone(), decorators[caches.len() - 1].clone());
        work(&mut one, &mut other).await;
        assert_eq!(table.reads.count(), 5, "each version of the job and of the length once");
    }
}

#[tokio::test]
async fn jobs_behind_a_lock_are_cached() {
    for caches in worlds().await {
        let table = Arc::new(RwLock::new(Table::default()));
        let decorators = decorated(&caches, |cache| CachingLockedJobs::new(Arc::clone(&table), cache)).await;
        let (mut one, mut other) = (decorators[0].clone(), decorators[caches.len() - 1].clone());
        work(&mut one, &mut other).await;
        assert_eq!(table.read().await.reads.count(), 5, "each version of the job and of the length once");
    }
}
