//! Writes that invalidate by values of the row that they replace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cache_core::testing::Protection;
use cache_core::{Cache, MemoryRemote, WriteError, cached_store};
use tokio::sync::Notify;

use super::support::{Calls, connected, eventually, settled, writers_and_readers};

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct User {
    id: u64,
    email: String,
    tags: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Failed {
    not_written: bool,
}

impl WriteError for Failed {
    fn not_written(&self) -> bool {
        self.not_written
    }
}

#[cached_store(namespace = "reach:old-row")]
#[async_trait::async_trait]
pub(super) trait Users: Send + Sync {
    #[cached(entity = "user", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<User>, Failed>;

    #[cached(entity = "email", key(email), ttl = "5m", negative_ttl = "5m")]
    async fn by_email(&self, email: &str) -> Result<Option<User>, Failed>;

    #[cached(entity = "tag", key(tag), ttl = "5m")]
    async fn by_tag(&self, tag: &str) -> Result<Vec<u64>, Failed>;

    #[invalidates(
        get(user.id),
        by_email(&user.email),
        by_email(&old.email, if = old.email != user.email),
        each(tag in old.tags => by_tag(tag)),
        each(tag in user.tags => by_tag(tag)),
        reads(old = get(user.id)),
    )]
    async fn put(&self, user: &User) -> Result<(), Failed>;

    #[invalidates(by_email(&old.email), each(tag in old.tags => by_tag(tag, if = *result)), reads(old = get(id)))]
    async fn delete(&self, id: u64) -> Result<bool, Failed>;
}

/// An operation, what signals that a call of it has begun, and what continues that call.
type Hold = (&'static str, Arc<Notify>, Arc<Notify>);

#[derive(Default)]
struct Table {
    rows: Mutex<HashMap<u64, User>>,
    /// The operation whose next call waits until it is notified.
    holds: Mutex<Option<Hold>>,
    fails: Mutex<Option<&'static str>>,
    reads: Calls,
}

impl Table {
    fn check(&self, operation: &'static str) -> Result<(), Failed> {
        if *self.fails.lock().unwrap() == Some(operation) { Err(Failed { not_written: true }) } else { Ok(()) }
    }

    /// Stops the next call of an operation; returns what signals that it has begun, and what continues it.
    fn hold(&self, operation: &'static str) -> (Arc<Notify>, Arc<Notify>) {
        let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        *self.holds.lock().unwrap() = Some((operation, Arc::clone(&arrived), Arc::clone(&go_on)));
        (arrived, go_on)
    }

    async fn pass(&self, operation: &'static str) {
        let held = self.holds.lock().unwrap().take_if(|(held, ..)| *held == operation);
        if let Some((_, arrived, go_on)) = held {
            arrived.notify_one();
            go_on.notified().await;
        }
    }
}

#[async_trait::async_trait]
impl Users for Table {
    async fn get(&self, id: u64) -> Result<Option<User>, Failed> {
        self.reads.add();
        self.pass("get").await;
        self.check("get")?;
        Ok(self.rows.lock().unwrap().get(&id).cloned())
    }

    async fn by_email(&self, email: &str) -> Result<Option<User>, Failed> {
        Ok(self.rows.lock().unwrap().values().find(|user| user.email == email).cloned())
    }

    async fn by_tag(&self, tag: &str) -> Result<Vec<u64>, Failed> {
        let rows = self.rows.lock().unwrap();
        let tagged = rows.values().filter(|user| user.tags.iter().any(|own| own == tag));
        Ok(tagged.map(|user| user.id).collect())
    }

    async fn put(&self, user: &User) -> Result<(), Failed> {
        self.pass("put").await;
        self.check("put")?;
        self.rows.lock().unwrap().insert(user.id, user.clone());
        Ok(())
    }

    async fn delete(&self, id: u64) -> Result<bool, Failed> {
        Ok(self.rows.lock().unwrap().remove(&id).is_some())
    }
}

type Caching = CachingUsers<Table>;

fn user(id: u64, email: &str) -> User {
    User { id, email: email.to_owned(), tags: vec![format!("tag-{email}")] }
}

/// A decorator over a table with the user 1, called `a`, and with every entry filled.
async fn filled(cache: &Cache, table: &Arc<Table>) -> Caching {
    let store = CachingUsers::new(Arc::clone(table), cache);
    settled(cache).await;
    table.rows.lock().unwrap().insert(1, user(1, "a"));
    fill(&store).await;
    store
}

async fn fill(store: &Caching) {
    store.get(1).await.unwrap();
    for name in ["a", "b", "c"] {
        store.by_email(name).await.unwrap();
        store.by_tag(&format!("tag-{name}")).await.unwrap();
    }
}

/// The stale entries of `by_email`, and those of `by_tag`.
fn stale(store: &Caching) -> (Vec<&'static str>, Vec<&'static str>) {
    let names = || ["a", "b", "c"].into_iter();
    (
        names().filter(|name| store.peek_by_email(name).is_none()).collect(),
        names().filter(|name| store.peek_by_tag(&format!("tag-{name}")).is_none()).collect(),
    )
}

/// Two decorators of one table, over two instances, or twice over a single one.
async fn pairs() -> Vec<(Arc<Table>, Caching, Caching)> {
    let mut pairs = Vec::new();
    for [one, two] in writers_and_readers().await {
        let table = Arc::new(Table::default());
        pairs.push((Arc::clone(&table), filled(&one, &table).await, filled(&two, &table).await));
    }
    pairs
}

#[tokio::test]
async fn entries_of_the_old_row_go_stale_on_both_instances() {
    for (_, store, other) in pairs().await {
        store.put(&user(1, "b")).await.unwrap();
        assert_eq!(stale(&store), (vec!["a", "b"], vec!["a", "b"]));
        assert_eq!(store.peek_get(1), None);
        eventually("the other instance follows", || stale(&other) == (vec!["a", "b"], vec!["a", "b"])).await;
        assert_eq!(other.by_email("a").await.unwrap(), None);
        assert_eq!(other.by_email("b").await.unwrap(), Some(user(1, "b")));
    }
}

#[tokio::test]
async fn the_row_is_read_in_the_store_and_not_in_the_cache() {
    for (table, store, _) in pairs().await {
        let before = table.reads.count();
        store.put(&user(1, "a")).await.unwrap();
        assert_eq!(table.reads.count(), before + 1);
        assert_eq!(stale(&store).0, ["a"], "the condition is false: the entry of the new row alone");
    }
}

/// The row is invalidated as well, although no target names it.
#[tokio::test]
async fn the_entry_that_is_read_goes_stale() {
    for (_, store, _) in pairs().await {
        assert!(store.delete(1).await.unwrap());
        assert_eq!((store.peek_get(1), stale(&store)), (None, (vec!["a"], vec!["a"])));
    }
}

#[tokio::test]
async fn an_absent_row_names_nothing() {
    for (_, store, _) in pairs().await {
        assert!(!store.delete(2).await.unwrap());
        assert_eq!(stale(&store), (vec![], vec![]));
        store.put(&user(2, "c")).await.unwrap();
        assert_eq!(stale(&store), (vec!["c"], vec!["c"]));
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_invalidates_whole_methods() {
    for (table, store, _) in pairs().await {
        *table.fails.lock().unwrap() = Some("get");
        store.put(&user(1, "b")).await.unwrap();
        assert_eq!(stale(&store), (vec!["a", "b", "c"], vec!["a", "b", "c"]));
    }
}

#[tokio::test]
async fn a_refused_write_leaves_the_entries_of_the_old_row() {
    for (table, store, _) in pairs().await {
        *table.fails.lock().unwrap() = Some("put");
        store.put(&user(1, "b")).await.unwrap_err();
        assert_eq!(stale(&store).0, ["b"], "its lock has removed it");
    }
}

/// A caller that is dropped before the store is called costs no entry of the methods that the row names.
#[tokio::test]
async fn a_caller_dropped_during_the_read_leaves_the_entries() {
    for (table, store, _) in pairs().await {
        let (arrived, _) = table.hold("get");
        let writing = store.clone();
        let write = tokio::spawn(async move { writing.put(&user(1, "b")).await });
        arrived.notified().await;
        write.abort();
        assert!(write.await.unwrap_err().is_cancelled());
        assert_eq!(stale(&store).0, ["b"], "its lock has removed it");
    }
}

/// The write may have been applied.
#[tokio::test]
async fn a_caller_dropped_during_the_call_invalidates_whole_methods() {
    for (table, store, _) in pairs().await {
        let (arrived, _) = table.hold("put");
        let writing = store.clone();
        let write = tokio::spawn(async move { writing.put(&user(1, "b")).await });
        arrived.notified().await;
        write.abort();
        assert!(write.await.unwrap_err().is_cancelled());
        eventually("the methods are invalidated", || stale(&store) == (vec!["a", "b", "c"], vec!["a", "b", "c"])).await;
    }
}

/// The caller commits: the row is not read, and the methods are invalidated as a whole.
#[tokio::test]
async fn a_guard_of_the_caller_invalidates_whole_methods() {
    for (table, store, _) in pairs().await {
        let before = table.reads.count();
        let guard = store.begin_put(&user(1, "b")).await;
        guard.committed().await;
        assert_eq!((stale(&store).0, table.reads.count()), (vec!["a", "b", "c"], before));
    }
}

/// What two writes of one row that overlap leave behind.
///
/// The first one reads the row `a` and waits. The second one renames it to `b`, which a reader then caches. The first one
/// renames it to `c`: the entry of `b`, which it has never seen, must not stay.
async fn overlapping(instances: [Cache; 2]) -> Option<User> {
    let table = Arc::new(Table::default());
    let [first, second] = &instances;
    let (first, second) = (filled(first, &table).await, filled(second, &table).await);
    let (arrived, go_on) = table.hold("put");
    let slow = first.clone();
    let slow = tokio::spawn(async move { slow.put(&user(1, "c")).await });
    arrived.notified().await;
    second.put(&user(1, "b")).await.unwrap();
    assert_eq!(second.by_email("b").await.unwrap(), Some(user(1, "b")));
    eventually("the first instance follows", || first.peek_by_email("b").is_none()).await;
    assert_eq!(first.by_email("b").await.unwrap(), Some(user(1, "b")));
    go_on.notify_one();
    slow.await.unwrap().unwrap();
    assert_eq!(first.by_email("c").await.unwrap(), Some(user(1, "c")));
    first.by_email("b").await.unwrap()
}

#[tokio::test]
async fn r40_a_row_between_two_overlapping_writes_leaves_no_entry() {
    for instances in writers_and_readers().await {
        assert_eq!(overlapping(instances).await, None);
    }
    let remote = MemoryRemote::new();
    let unfenced = || connected(Cache::builder().without(Protection::OldRowFence).remote(remote.clone()));
    let control = overlapping([unfenced().await, unfenced().await]).await;
    assert_eq!(control, Some(user(1, "b")), "the control");
}
