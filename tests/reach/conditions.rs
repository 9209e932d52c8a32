//! Targets with conditions.

use std::sync::Arc;

use cache_core::{Cache, cached_store};

use super::support::{each_cache, eventually, settled, two_instances};

pub(super) type Result<T> = std::result::Result<T, String>;

#[derive(Debug, Clone)]
pub(super) struct User {
    id: u64,
    active: bool,
    email: Option<u64>,
}

#[cached_store(namespace = "reach:conditions")]
pub(super) trait Users: Send + Sync {
    #[cached(entity = "user", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<u64>;

    #[cached(entity = "email", key(email), ttl = "5m")]
    async fn by_email(&self, email: u64) -> Result<u64>;

    #[invalidates(get(user.id, if = user.active), by_email(..))]
    async fn put(&self, user: &User) -> Result<()>;

    #[invalidates(get(user.id), by_email(user.email.unwrap()), if = user.email.is_some())]
    async fn put_known(&self, user: User) -> Result<()>;

    #[invalidates(get(user.id, if = user.active))]
    async fn activate(&self, user: &mut User) -> Result<()>;

    #[invalidates(get(id, if = *result > 0), by_email(1))]
    async fn delete(&self, id: u64) -> Result<usize>;

    #[invalidates(get(1, if = result[7]))]
    async fn panics(&self) -> Result<Vec<bool>>;

    #[invalidates(get(user.id, if = user.active), by_email(..), if = user.id > 1)]
    async fn both(&self, user: &User) -> Result<()>;
}

struct Store;

impl Users for Store {
    async fn get(&self, id: u64) -> Result<u64> {
        Ok(id)
    }
    async fn by_email(&self, email: u64) -> Result<u64> {
        Ok(email)
    }
    async fn put(&self, _: &User) -> Result<()> {
        Ok(())
    }
    async fn put_known(&self, _: User) -> Result<()> {
        Ok(())
    }
    async fn activate(&self, user: &mut User) -> Result<()> {
        user.active = !user.active;
        Ok(())
    }
    async fn delete(&self, id: u64) -> Result<usize> {
        Ok(usize::from(id > 1))
    }
    async fn panics(&self) -> Result<Vec<bool>> {
        Ok(Vec::new())
    }
    async fn both(&self, _: &User) -> Result<()> {
        Ok(())
    }
}

type Caching = CachingUsers<Store>;

async fn filled(cache: &Cache) -> Caching {
    let store = CachingUsers::new(Arc::new(Store), cache);
    settled(cache).await;
    for id in 0..4 {
        store.get(id).await.unwrap();
        store.by_email(id).await.unwrap();
    }
    store
}

/// The stale entries of `get` and of `by_email`.
fn stale(store: &Caching) -> (Vec<u64>, Vec<u64>) {
    (
        (0..4).filter(|id| store.peek_get(*id).is_none()).collect(),
        (0..4).filter(|email| store.peek_by_email(*email).is_none()).collect(),
    )
}

fn user(id: u64, active: bool) -> User {
    User { id, active, email: None }
}

const NONE: [u64; 0] = [];
const ALL: [u64; 4] = [0, 1, 2, 3];

#[tokio::test]
async fn a_condition_decides_on_its_target_only() {
    for cache in each_cache().await {
        let store = filled(&cache).await;
        store.put(&user(1, false)).await.unwrap();
        assert_eq!(stale(&store), (NONE.to_vec(), ALL.to_vec()));
        store.put(&user(1, true)).await.unwrap();
        assert_eq!(stale(&store).0, [1]);
    }
}

#[tokio::test]
async fn a_condition_of_the_attribute_decides_on_every_target() {
    let store = filled(&Cache::single_instance()).await;
    store.put_known(user(1, true)).await.unwrap();
    assert_eq!(stale(&store), (vec![], vec![]), "the key, which would panic, is not evaluated");
    store.put_known(User { email: Some(2), ..user(1, true) }).await.unwrap();
    assert_eq!(stale(&store), (vec![1], vec![2]));

    let store = filled(&Cache::single_instance()).await;
    store.both(&user(1, true)).await.unwrap();
    assert_eq!(stale(&store), (vec![], vec![]));
    store.both(&user(2, false)).await.unwrap();
    assert_eq!(stale(&store), (vec![], ALL.to_vec()));
    store.both(&user(2, true)).await.unwrap();
    assert_eq!(stale(&store).0, [2]);
}

/// True before the call or after it: the entry goes stale.
#[tokio::test]
async fn a_condition_that_the_call_changes_is_evaluated_before_and_after() {
    for active in [false, true] {
        let store = filled(&Cache::single_instance()).await;
        store.activate(&mut user(3, active)).await.unwrap();
        assert_eq!(stale(&store).0, [3]);
    }
}

#[tokio::test]
async fn a_condition_may_name_the_result() {
    for [one, two] in two_instances().await {
        let (store, other) = (filled(&one).await, filled(&two).await);
        store.delete(1).await.unwrap();
        assert_eq!(stale(&store), (vec![], vec![1]));
        store.delete(2).await.unwrap();
        assert_eq!(stale(&store).0, [2]);
        eventually("the other instance follows", || stale(&other) == (vec![2], vec![1])).await;
    }
}

#[tokio::test]
async fn a_condition_that_panics_after_the_call_invalidates() {
    let store = filled(&Cache::single_instance()).await;
    assert_eq!(store.panics().await.unwrap(), [false; 0]);
    assert_eq!(stale(&store).0, ALL);
}
