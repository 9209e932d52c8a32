//! Traits of other crates, here of modules, whose mirrors have the annotations.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Display};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cache_core::{RwLock, cached_store};
// Only mirrors mention these.
use other::{Account, Boxed, Id};

use super::support::{Calls, decorated, worlds};

/// As another crate would declare them.
mod other {
    use std::collections::BTreeSet;
    use std::fmt::{Debug, Display};
    use std::future::Future;
    use std::hash::Hash;
    use std::pin::Pin;

    use async_trait::async_trait;

    /// A user of a login.
    pub(super) trait Account {
        type Id: Clone + Debug + Send + Sync;

        fn id(&self) -> Self::Id;
    }

    pub(super) type Id<L> = <<L as Login>::User as Account>::Id;

    /// Associated types, futures that are written out, and a default body.
    pub(super) trait Login: Clone + Send + Sync {
        type User: Account + Clone + Send + Sync;
        type Error: Debug + Send + Sync;

        const KIND: &'static str;

        fn user(&self, id: &Id<Self>) -> impl Future<Output = Result<Option<Self::User>, Self::Error>> + Send;

        fn permissions(&self, user: &Self::User) -> impl Future<Output = Result<BTreeSet<String>, Self::Error>> + Send;

        fn rename(&self, id: &Id<Self>, name: String) -> impl Future<Output = Result<(), Self::Error>> + Send;

        fn may(&self, user: &Self::User, permission: &str) -> impl Future<Output = Result<bool, Self::Error>> + Send {
            async move { Ok(self.permissions(user).await?.contains(permission)) }
        }

        fn renamed(&self, name: &str) -> String {
            format!("{name}, renamed")
        }
    }

    /// `#[async_trait]`, a supertrait, and a default body that no mirror lists.
    #[async_trait]
    pub(super) trait Objects: Display + Debug + Send + Sync + 'static {
        async fn size(&self, path: &str) -> Result<u64, String>;

        async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), String>;

        async fn sizes(&self, paths: &[&str]) -> Result<u64, String> {
            let mut sum = 0;
            for path in paths {
                sum += self.size(path).await?;
            }
            Ok(sum)
        }
    }

    /// An error type without a bound.
    #[async_trait]
    pub(super) trait Keys: Send + Sync {
        type Error;

        async fn key(&self, id: u64) -> Result<Option<u64>, Self::Error>;
    }

    pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

    /// Boxed futures that are written out, and a parameter.
    pub(super) trait Repository<K: Hash, V>: Send + Sync {
        fn find<'a>(&'a self, key: &'a K) -> Pin<Box<dyn Future<Output = Result<Option<V>, String>> + Send + 'a>>;

        fn store(&self, key: K, value: V) -> Boxed<'_, Result<(), String>>;
    }

    /// `&mut self`, and `async fn`, whose futures may not be `Send`.
    #[allow(async_fn_in_trait, reason = "as the trait of another crate may be")]
    pub(super) trait Storage {
        fn fetch(&mut self, id: u64) -> impl Future<Output = Result<Option<String>, String>> + Send;

        async fn push(&mut self, id: u64, job: String) -> Result<(), String>;

        async fn is_empty(&self) -> Result<bool, String>;
    }
}

#[cached_store(foreign = other::Login, namespace = "reach:foreign:login", mode = strict)]
trait Login: Clone + Send + Sync {
    type User: Account + Clone + Send + Sync;
    type Error;

    const KIND: &'static str;

    #[cached(entity = "user", key(id), ttl = "5m")]
    async fn user(&self, id: &Id<Self>) -> Result<Option<Self::User>, Self::Error>;

    #[cached(entity = "permissions", key(user), ttl = "5m")]
    fn permissions(&self, user: &Self::User) -> impl Future<Output = Result<BTreeSet<String>, Self::Error>> + Send;

    #[invalidates(user(id))]
    async fn rename(&self, id: &Id<Self>, name: String) -> Result<(), Self::Error>;

    #[over(decorator)]
    async fn may(&self, user: &Self::User, permission: &str) -> Result<bool, Self::Error>;

    #[over(decorator)]
    fn renamed(&self, _: &str) -> String;
}

#[derive(cache_core::CacheKey, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
struct User {
    id: u64,
    name: String,
}

impl Account for User {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(Clone, Debug, Default)]
struct Store {
    names: Arc<Mutex<HashMap<u64, String>>>,
    calls: Arc<Calls>,
}

impl other::Login for Store {
    type User = User;
    type Error = String;

    const KIND: &'static str = "store";

    async fn user(&self, id: &u64) -> Result<Option<User>, String> {
        self.calls.add();
        Ok(self.names.lock().unwrap().get(id).map(|name| User { id: *id, name: name.clone() }))
    }

    async fn permissions(&self, _: &User) -> Result<BTreeSet<String>, String> {
        self.calls.add();
        Ok(BTreeSet::from(["read".to_owned()]))
    }

    async fn rename(&self, id: &u64, name: String) -> Result<(), String> {
        self.names.lock().unwrap().insert(*id, name);
        Ok(())
    }
}

/// Everything that a program does with the foreign trait.
async fn log_in<L: other::Login<User = User, Error = String>>(login: L) {
    assert_eq!(L::KIND, "store");
    login.rename(&1, "ada".to_owned()).await.unwrap();
    for _ in 0..2 {
        let user = login.user(&1).await.unwrap().unwrap();
        assert_eq!(user.name, "ada");
        assert_eq!(user.id(), 1);
        assert!(login.may(&user, "read").await.unwrap());
        assert!(!login.may(&user, "write").await.unwrap());
    }
    assert_eq!(login.renamed("ada"), "ada, renamed");
    login.rename(&1, "lovelace".to_owned()).await.unwrap();
    assert_eq!(login.user(&1).await.unwrap().unwrap().name, "lovelace");
}

#[tokio::test]
async fn associated_types_and_futures_that_are_written_out() {
    for caches in worlds().await {
        let store = Store::default();
        let decorators = decorated(&caches, |cache| CachingLogin::new(Arc::new(store.clone()), cache)).await;
        let (login, other) = (&decorators[0], &decorators[caches.len() - 1]);
        log_in(login.clone()).await;
        assert_eq!(store.calls.count(), 3, "the user twice, the permissions once");
        other.rename(&1, "king".to_owned()).await.unwrap();
        assert_eq!(login.user(&1).await.unwrap().unwrap().name, "king");
    }
}

#[cached_store(foreign = other::Objects, namespace = "reach:foreign:objects", mode = strict)]
#[async_trait]
trait Objects: Display {
    #[cached(entity = "size", key(path), ttl = "5m")]
    async fn size(&self, path: &str) -> Result<u64, String>;

    #[invalidates(size(path))]
    async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), String>;
}

impl Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects")
    }
}

#[async_trait]
impl other::Objects for Store {
    async fn size(&self, path: &str) -> Result<u64, String> {
        self.calls.add();
        Ok(path.len() as u64)
    }

    async fn put(&self, _: &str, _: Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

#[tokio::test]
async fn a_boxed_trait_with_a_body_that_its_mirror_does_not_list() {
    for caches in worlds().await {
        let store = Store::default();
        let decorators = decorated(&caches, |cache| -> Arc<dyn other::Objects> {
            let behind: Arc<dyn other::Objects> = Arc::new(store.clone());
            Arc::new(CachingObjects::new(behind, cache))
        });
        let objects = &decorators.await[0];
        assert_eq!(objects.to_string(), "objects");
        assert_eq!(objects.size("a").await, Ok(1));
        assert_eq!(objects.sizes(&["a", "bc"]).await, Ok(3), "it runs over the decorator");
        assert_eq!(store.calls.count(), 2);
        objects.put("a", Vec::new()).await.unwrap();
        objects.size("a").await.unwrap();
        assert_eq!(store.calls.count(), 3);
    }
}

#[cached_store(foreign = other::Repository, namespace = "reach:foreign:repository", mode = strict)]
trait Repository<K, V>
where
    K: std::hash::Hash + Clone,
    V: Send,
{
    #[cached(entity = "value", key(key), ttl = "5m", negative_ttl = "5m")]
    fn find<'a>(&'a self, key: &'a K) -> Pin<Box<dyn Future<Output = Result<Option<V>, String>> + Send + 'a>>;

    #[invalidates(find(key))]
    fn store(&self, key: K, value: V) -> Boxed<'_, Result<(), String>>;
}

#[cached_store(foreign = other::Repository<u64, V>, namespace = "reach:foreign:by-id", mode = strict)]
trait ById<V: Send> {
    #[cached(entity = "value", key(key), ttl = "5m", negative_ttl = "5m")]
    fn find<'a>(&'a self, key: &'a u64) -> Pin<Box<dyn Future<Output = Result<Option<V>, String>> + Send + 'a>>;

    #[invalidates(find(key))]
    fn store(&self, key: u64, value: V) -> Boxed<'_, Result<(), String>>;
}

impl other::Repository<u64, String> for Store {
    fn find<'a>(&'a self, key: &'a u64) -> Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send + 'a>> {
        self.calls.add();
        Box::pin(async move { Ok(self.names.lock().unwrap().get(key).cloned()) })
    }

    fn store(&self, key: u64, value: String) -> Boxed<'_, Result<(), String>> {
        Box::pin(async move {
            self.names.lock().unwrap().insert(key, value);
            Ok(())
        })
    }
}

async fn fill(repository: &dyn other::Repository<u64, String>) {
    for _ in 0..2 {
        assert_eq!(repository.find(&1).await, Ok(None));
    }
    repository.store(1, "one".to_owned()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(repository.find(&1).await, Ok(Some("one".to_owned())));
    }
}

#[tokio::test]
async fn the_parameters_of_the_mirror_or_those_of_the_path() {
    for caches in worlds().await {
        let store = Store::default();
        let behind = Arc::new(store.clone());
        fill(&decorated(&caches, |cache| CachingRepository::<_, u64, String>::new(behind.clone(), cache)).await[0])
            .await;
        assert_eq!(store.calls.count(), 2);
        let store = Store::default();
        let behind = Arc::new(store.clone());
        fill(&decorated(&caches, |cache| CachingById::<_, String>::new(behind.clone(), cache)).await[0]).await;
        assert_eq!(store.calls.count(), 2);
    }
}

/// Only loads need futures that are `Send`.
#[cached_store(foreign = other::Storage, namespace = "reach:foreign:storage", mode = strict, exclusive = lock)]
trait Storage {
    #[cached(entity = "job", key(id), ttl = "5m")]
    async fn fetch(&mut self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(fetch(id))]
    async fn push(&mut self, id: u64, job: String) -> Result<(), String>;

    #[uncached]
    async fn is_empty(&self) -> Result<bool, String>;
}

#[derive(Default)]
struct Queue {
    jobs: HashMap<u64, String>,
    calls: Calls,
}

impl other::Storage for Queue {
    async fn fetch(&mut self, id: u64) -> Result<Option<String>, String> {
        self.calls.add();
        Ok(self.jobs.get(&id).cloned())
    }

    async fn push(&mut self, id: u64, job: String) -> Result<(), String> {
        self.jobs.insert(id, job);
        Ok(())
    }

    async fn is_empty(&self) -> Result<bool, String> {
        Ok(self.jobs.is_empty())
    }
}

async fn work(storage: &mut impl other::Storage) {
    assert_eq!(storage.is_empty().await, Ok(true));
    for _ in 0..2 {
        assert_eq!(storage.fetch(1).await, Ok(None));
    }
    storage.push(1, "one".to_owned()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(storage.fetch(1).await, Ok(Some("one".to_owned())));
    }
}

#[tokio::test]
async fn a_trait_with_exclusive_methods_behind_a_lock() {
    for caches in worlds().await {
        let queue = Arc::new(RwLock::new(Queue::default()));
        let mut decorators = decorated(&caches, |cache| CachingStorage::new(Arc::clone(&queue), cache)).await;
        work(&mut decorators[0]).await;
        assert_eq!(queue.read().await.calls.count(), 3);
    }
}

/// A load needs an error that is `Send`.
#[cached_store(foreign = other::Keys, namespace = "reach:foreign:keys")]
#[async_trait]
trait Keys
where
    Self::Error: Send + 'static,
{
    type Error;

    #[cached(entity = "key", key(id), ttl = "5m")]
    async fn key(&self, id: u64) -> Result<Option<u64>, Self::Error>;
}

#[async_trait]
impl other::Keys for Store {
    type Error = String;

    async fn key(&self, id: u64) -> Result<Option<u64>, String> {
        self.calls.add();
        Ok(Some(id))
    }
}

#[tokio::test]
async fn the_mirror_demands_what_the_foreign_trait_does_not() {
    for caches in worlds().await {
        let store = Store::default();
        let keys = decorated(&caches, |cache| CachingKeys::new(Arc::new(store.clone()), cache)).await;
        for _ in 0..2 {
            assert_eq!(other::Keys::key(&keys[0], 1).await, Ok(Some(1)));
        }
        assert_eq!(store.calls.count(), 1);
    }
}
