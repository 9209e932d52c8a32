//! Tags: entries of several methods and traits that one invalidation makes stale.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cache_core::testing::Protection;
use cache_core::{Cache, MemoryRemote, TagFamily, cached_store};
use tokio::sync::Notify;

use super::support::{Calls, connected, eventually, settled, two_instances, writers_and_readers};

/// The entries with data of a user.
pub(super) struct UserTag;

impl TagFamily for UserTag {
    type Key = u64;
    const NAMESPACE: &'static str = "reach:tags";
    const NAME: &'static str = "user";
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct User {
    id: u64,
    tenant: u64,
    mail: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failed;

#[cached_store(namespace = "reach:tags")]
pub(super) trait Users: Send + Sync {
    #[cached(entity = "user", key(id), tags(UserTag, id), ttl = "5m", negative_ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<User>, Failed>;

    #[cached(entity = "mail", key(mail), tags(UserTag, value.id), ttl = "5m", negative_ttl = "5m")]
    async fn by_mail(&self, mail: &str) -> Result<Option<User>, Failed>;

    #[cached(entity = "count", key(tenant), tags("tenant", tenant), ttl = "5m")]
    async fn count(&self, tenant: u64) -> Result<usize, Failed>;

    #[cached(entity = "named", key(tenant, name), tags("tenant", tenant), ttl = "5m")]
    async fn named(&self, tenant: u64, name: &str) -> Result<Vec<u64>, Failed>;

    #[invalidates(tag(UserTag, user.id), tag("tenant", user.tenant))]
    async fn put(&self, user: &User) -> Result<(), Failed>;

    #[invalidates(tag(UserTag, result.id), by_mail(mail))]
    async fn create(&self, mail: &str) -> Result<User, Failed>;

    #[invalidates(tag(UserTag, ..), tag("tenant", ..))]
    async fn clear(&self) -> Result<(), Failed>;

    /// The row is found by an entry that a tag of its value invalidates.
    #[invalidates(tag(UserTag, old.id), named(old.tenant, old.name), named(old.tenant, name), reads(old = by_mail(mail)))]
    async fn rename(&self, mail: &str, name: &str) -> Result<(), Failed>;
}

/// Another trait with entries of the same users.
#[cached_store(namespace = "reach:tags")]
pub(super) trait Badges: Send + Sync {
    #[cached(entity = "badge", key(user), tags(UserTag, user), ttl = "5m")]
    async fn badge(&self, user: u64) -> Result<usize, Failed>;

    #[invalidates(tag(UserTag, user))]
    async fn award(&self, user: u64) -> Result<(), Failed>;
}

#[derive(Default)]
pub(super) struct Store {
    users: Mutex<BTreeMap<u64, User>>,
    calls: Calls,
    /// Holds the next load after it has read the row.
    hold: Mutex<Option<Arc<Hold>>>,
    /// Holds the next renaming before it writes.
    hold_writes: Mutex<Option<Arc<Hold>>>,
}

/// A load that has read, and waits.
#[derive(Default)]
struct Hold {
    has_read: Notify,
    may_return: Notify,
}

impl Store {
    fn find(&self, mut is_wanted: impl FnMut(&User) -> bool) -> Option<User> {
        self.calls.add();
        self.users.lock().unwrap().values().find(|user| is_wanted(user)).cloned()
    }

    async fn pause(&self, next: &Mutex<Option<Arc<Hold>>>) {
        let hold = next.lock().unwrap().take();
        if let Some(hold) = hold {
            hold.has_read.notify_one();
            hold.may_return.notified().await;
        }
    }

    fn insert(&self, user: &User) {
        self.users.lock().unwrap().insert(user.id, user.clone());
    }
}

impl Users for Store {
    async fn get(&self, id: u64) -> Result<Option<User>, Failed> {
        Ok(self.find(|user| user.id == id))
    }

    async fn by_mail(&self, mail: &str) -> Result<Option<User>, Failed> {
        let found = self.find(|user| user.mail == mail);
        self.pause(&self.hold).await;
        Ok(found)
    }

    async fn count(&self, tenant: u64) -> Result<usize, Failed> {
        self.calls.add();
        Ok(self.users.lock().unwrap().values().filter(|user| user.tenant == tenant).count())
    }

    async fn named(&self, tenant: u64, name: &str) -> Result<Vec<u64>, Failed> {
        self.calls.add();
        let users = self.users.lock().unwrap();
        Ok(users.values().filter(|user| user.tenant == tenant && user.name == name).map(|user| user.id).collect())
    }

    async fn put(&self, user: &User) -> Result<(), Failed> {
        self.insert(user);
        Ok(())
    }

    async fn create(&self, mail: &str) -> Result<User, Failed> {
        let user = User { id: 7, tenant: 1, mail: mail.to_owned(), name: "new".to_owned() };
        self.insert(&user);
        Ok(user)
    }

    async fn rename(&self, mail: &str, name: &str) -> Result<(), Failed> {
        self.pause(&self.hold_writes).await;
        let mut users = self.users.lock().unwrap();
        for user in users.values_mut().filter(|user| user.mail == mail) {
            name.clone_into(&mut user.name);
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), Failed> {
        self.users.lock().unwrap().clear();
        Ok(())
    }
}

impl Badges for Store {
    async fn badge(&self, _: u64) -> Result<usize, Failed> {
        Ok(self.calls.add())
    }

    async fn award(&self, _: u64) -> Result<(), Failed> {
        Ok(())
    }
}

fn user(id: u64, mail: &str) -> User {
    User { id, tenant: 1, mail: mail.to_owned(), name: "ada".to_owned() }
}

/// A writer and a reader of the same users: on one instance, and on two of each shared tier.
async fn pairs() -> Vec<[CachingUsers<Store>; 2]> {
    let mut pairs = Vec::new();
    for caches in writers_and_readers().await {
        pairs.push(over(Arc::new(Store::default()), &caches).await);
    }
    pairs
}

async fn over(store: Arc<Store>, caches: &[Cache; 2]) -> [CachingUsers<Store>; 2] {
    let stores = caches.each_ref().map(|cache| CachingUsers::new(Arc::clone(&store), cache));
    for cache in caches {
        settled(cache).await;
    }
    stores
}

/// Waits until the reader has received the messages of all writes so far, which arrive in their order.
async fn delivered(writer: &CachingUsers<Store>, reader: &CachingUsers<Store>) {
    reader.get(0).await.unwrap();
    writer.invalidate_get(0).await;
    eventually("the messages arrive", || reader.peek_get(0).is_none()).await;
}

#[tokio::test]
async fn a_changed_address_ends_the_entry_of_the_old_one() {
    for [writer, reader] in pairs().await {
        writer.backing().insert(&user(1, "old"));
        for _ in 0..2 {
            assert_eq!(reader.by_mail("old").await.unwrap().unwrap().id, 1);
            assert_eq!(reader.get(1).await.unwrap().unwrap().mail, "old");
        }
        assert_eq!(reader.backing().calls.count(), 2, "both are hits the second time");
        writer.put(&user(1, "new")).await.unwrap();
        delivered(&writer, &reader).await;
        assert_eq!(reader.by_mail("old").await.unwrap(), None);
        assert_eq!(reader.get(1).await.unwrap().unwrap().mail, "new");
        assert_eq!(reader.by_mail("new").await.unwrap().unwrap().id, 1);
    }
}

#[tokio::test]
async fn entries_of_other_tags_stay_hits() {
    for [writer, reader] in pairs().await {
        for id in [1, 2] {
            writer.backing().insert(&user(id, &format!("{id}@example")));
            reader.by_mail(&format!("{id}@example")).await.unwrap();
        }
        writer.put(&user(1, "1@example")).await.unwrap();
        delivered(&writer, &reader).await;
        let before = reader.backing().calls.count();
        reader.by_mail("2@example").await.unwrap();
        assert_eq!(reader.backing().calls.count(), before);
        reader.by_mail("1@example").await.unwrap();
        assert_eq!(reader.backing().calls.count(), before + 1);
    }
}

#[tokio::test]
async fn a_tag_of_the_key_ends_entries_of_several_methods() {
    for [writer, reader] in pairs().await {
        writer.backing().insert(&user(1, "a"));
        assert_eq!(reader.count(1).await.unwrap(), 1);
        assert_eq!(reader.named(1, "ada").await.unwrap(), [1]);
        reader.count(2).await.unwrap();
        writer.put(&user(2, "b")).await.unwrap();
        delivered(&writer, &reader).await;
        let before = reader.backing().calls.count();
        assert_eq!(reader.count(2).await.unwrap(), 0);
        assert_eq!(reader.backing().calls.count(), before, "the entry of another tenant");
        assert_eq!(reader.count(1).await.unwrap(), 2);
        assert_eq!(reader.named(1, "ada").await.unwrap(), [1, 2]);
    }
}

#[tokio::test]
async fn a_tag_of_the_result_ends_its_entries() {
    for [writer, reader] in pairs().await {
        writer.backing().insert(&user(7, "before"));
        reader.get(7).await.unwrap();
        reader.by_mail("before").await.unwrap();
        assert_eq!(reader.by_mail("seven").await.unwrap(), None);
        assert_eq!(writer.create("seven").await.unwrap().id, 7);
        delivered(&writer, &reader).await;
        assert_eq!(reader.get(7).await.unwrap().unwrap().mail, "seven");
        assert_eq!(reader.by_mail("before").await.unwrap(), None);
        assert_eq!(reader.by_mail("seven").await.unwrap().unwrap().id, 7, "the absence is named by its key");
    }
}

#[tokio::test]
async fn a_whole_family_ends_at_once() {
    for [writer, reader] in pairs().await {
        for id in [1, 2] {
            writer.backing().insert(&user(id, &format!("{id}@example")));
            reader.get(id).await.unwrap();
            reader.by_mail(&format!("{id}@example")).await.unwrap();
        }
        reader.count(1).await.unwrap();
        writer.clear().await.unwrap();
        delivered(&writer, &reader).await;
        for id in [1, 2] {
            assert_eq!(reader.get(id).await.unwrap(), None);
            assert_eq!(reader.by_mail(&format!("{id}@example")).await.unwrap(), None);
        }
        assert_eq!(reader.count(1).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_declared_family_reaches_other_traits_and_programs() {
    for caches in writers_and_readers().await {
        let store = Arc::new(Store::default());
        let [users, _] = over(Arc::clone(&store), &caches).await;
        let badges = CachingBadges::new(store, &caches[1]);
        settled(&caches[1]).await;
        let first = badges.badge(1).await.unwrap();
        let other = badges.badge(2).await.unwrap();
        users.put(&user(1, "a")).await.unwrap();
        eventually("the badge follows", || badges.peek_badge(1).is_none()).await;
        let second = badges.badge(1).await.unwrap();
        assert!(second > first, "a write of another trait");
        caches[0].invalidate_tag::<UserTag>(&1).await;
        eventually("the badge follows", || badges.peek_badge(1).is_none()).await;
        assert!(badges.badge(1).await.unwrap() > second, "an invalidation by the program");
        assert_eq!(badges.badge(2).await.unwrap(), other);
        users.get(1).await.unwrap();
        let before = users.backing().calls.count();
        badges.award(1).await.unwrap();
        eventually("the user follows", || users.peek_get(1).is_none()).await;
        users.get(1).await.unwrap();
        assert_eq!(users.backing().calls.count(), before + 1, "a write of the other trait");
    }
}

/// The row that an entry was loaded from belongs to another user afterwards, and so does the tag of the next entry.
#[tokio::test]
async fn an_entry_carries_the_tags_of_its_own_value() {
    for [writer, reader] in pairs().await {
        writer.put(&user(1, "shared")).await.unwrap();
        assert_eq!(reader.by_mail("shared").await.unwrap().unwrap().id, 1);
        writer.put(&user(1, "elsewhere")).await.unwrap();
        writer.put(&user(2, "shared")).await.unwrap();
        delivered(&writer, &reader).await;
        assert_eq!(reader.by_mail("shared").await.unwrap().unwrap().id, 2);
        writer.put(&user(1, "elsewhere")).await.unwrap();
        delivered(&writer, &reader).await;
        let before = reader.backing().calls.count();
        reader.by_mail("shared").await.unwrap();
        assert_eq!(reader.backing().calls.count(), before, "the former user is none of its business");
        writer.put(&user(2, "gone")).await.unwrap();
        delivered(&writer, &reader).await;
        assert_eq!(reader.by_mail("shared").await.unwrap(), None);
    }
}

/// A load that reads the row, and returns after a write of the row has finished.
async fn overtaken_load(writer: &CachingUsers<Store>, reader: &CachingUsers<Store>) -> Option<User> {
    writer.backing().insert(&user(1, "old"));
    let hold = Arc::new(Hold::default());
    *reader.backing().hold.lock().unwrap() = Some(Arc::clone(&hold));
    let slow = tokio::spawn({
        let reader = reader.clone();
        async move { reader.by_mail("old").await.unwrap() }
    });
    hold.has_read.notified().await;
    writer.put(&user(1, "new")).await.unwrap();
    delivered(writer, reader).await;
    hold.may_return.notify_one();
    assert_eq!(slow.await.unwrap().unwrap().mail, "old", "its caller began before the write");
    reader.by_mail("old").await.unwrap()
}

#[tokio::test]
async fn r41_a_tag_invalidated_during_a_load_ends_its_fill() {
    for [writer, reader] in pairs().await {
        assert_eq!(overtaken_load(&writer, &reader).await, None);
        assert_eq!(writer.by_mail("old").await.unwrap(), None, "the shared tier has no old value either");
    }
    let unclocked = || Cache::builder().without(Protection::TagClock);
    let remote = MemoryRemote::new();
    let instance = || connected(unclocked().remote(remote.clone()));
    let [writer, reader] = over(Arc::new(Store::default()), &[instance().await, instance().await]).await;
    assert!(overtaken_load(&writer, &reader).await.is_some(), "the clock is needed");
}

/// Between the read of the old row and the commit another write changes the row, and names it by its tag only.
///
/// Returns whether an entry of the name in between is left.
async fn overtaken_rename(writer: &CachingUsers<Store>, reader: &CachingUsers<Store>) -> bool {
    writer.backing().insert(&user(1, "a"));
    let hold = Arc::new(Hold::default());
    let slow = {
        let (writer, store) = (writer.clone(), Arc::clone(writer.backing()));
        let hold = Arc::clone(&hold);
        tokio::spawn(async move {
            // The load of the old row does not stop, the write itself does.
            let stopped = Arc::clone(&hold);
            *store.hold_writes.lock().unwrap() = Some(stopped);
            writer.rename("a", "eve").await.unwrap();
        })
    };
    hold.has_read.notified().await;
    writer.put(&User { name: "bob".to_owned(), ..user(1, "a") }).await.unwrap();
    assert_eq!(reader.named(1, "bob").await.unwrap(), [1]);
    hold.may_return.notify_one();
    slow.await.unwrap();
    delivered(writer, reader).await;
    !reader.named(1, "bob").await.unwrap().is_empty()
}

#[tokio::test]
async fn r40_a_row_that_was_changed_by_its_tag_leaves_no_entry() {
    for [writer, reader] in pairs().await {
        assert!(!overtaken_rename(&writer, &reader).await);
    }
    let remote = MemoryRemote::new();
    let instance = || connected(Cache::builder().without(Protection::OldRowFence).remote(remote.clone()));
    let [writer, reader] = over(Arc::new(Store::default()), &[instance().await, instance().await]).await;
    assert!(overtaken_rename(&writer, &reader).await, "the fence is needed");
}

#[tokio::test]
async fn r42_an_evicted_tag_makes_a_miss() {
    let remote = MemoryRemote::new();
    let instance = || connected(Cache::builder().remote(remote.clone()));
    let caches = [instance().await, instance().await];
    let [one, two] = over(Arc::new(Store::default()), &caches).await;
    one.backing().insert(&user(1, "a"));
    one.by_mail("a").await.unwrap();
    eventually("it is filled", || caches[0].stats().total().fills == 1).await;
    remote.evict_scopes();
    let before = two.backing().calls.count();
    two.by_mail("a").await.unwrap();
    assert_eq!(two.backing().calls.count(), before + 1);
}

#[tokio::test]
async fn the_shared_tier_answers_for_tagged_values() {
    for caches in two_instances().await {
        let [one, two] = over(Arc::new(Store::default()), &caches).await;
        one.backing().insert(&user(1, "a"));
        one.by_mail("a").await.unwrap();
        one.get(1).await.unwrap();
        eventually("both are filled", || caches[0].stats().total().fills == 2).await;
        let before = two.backing().calls.count();
        assert_eq!(two.by_mail("a").await.unwrap().unwrap().id, 1);
        assert_eq!(two.get(1).await.unwrap().unwrap().id, 1);
        assert_eq!(two.backing().calls.count(), before);
        assert_eq!(caches[1].stats().total().shared_hits, 2);
        two.by_mail("a").await.unwrap();
        assert_eq!(caches[1].stats().total().local_hits, 1);
    }
}
