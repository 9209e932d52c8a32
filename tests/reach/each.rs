//! Writes of many rows at once: each element of a list names its entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::{Cache, WriteError, cached_store};

use super::support::{eventually, settled, two_instances};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    id: u64,
    name: String,
    lines: Vec<u64>,
    dirty: bool,
}

#[derive(Debug)]
pub(super) struct Failed;

impl WriteError for Failed {
    fn not_written(&self) -> bool {
        true
    }
}

#[cached_store(namespace = "reach:each")]
#[async_trait::async_trait]
pub(super) trait Items: Send + Sync {
    #[cached(entity = "item", key(id), ttl = "5m", local_capacity = 100_000)]
    async fn get(&self, id: u64) -> Result<u64, Failed>;

    #[cached(entity = "name", key(tenant, name), ttl = "5m")]
    async fn by_name(&self, tenant: u64, name: &str) -> Result<u64, Failed>;

    #[cached(entity = "line", key(id), ttl = "5m")]
    async fn line(&self, id: u64) -> Result<u64, Failed>;

    #[invalidates(each(item in items => get(item.id), by_name(tenant, &item.name)), by_name(tenant, "all"))]
    async fn put(&self, tenant: u64, items: &[Item]) -> Result<(), Failed>;

    #[invalidates(each(items => get(item.id), by_name(tenant, ..)))]
    async fn put_owned(&self, tenant: u64, items: Vec<Item>) -> Result<(), Failed>;

    #[invalidates(each(ids => get(*id)))]
    async fn remove(&self, ids: &[u64]) -> Result<(), Failed>;

    #[invalidates(each(id in parent => get(*id)), each(id in lines.iter().copied() => line(id)))]
    async fn optional(&self, parent: Option<u64>, lines: &[u64]) -> Result<(), Failed>;

    #[invalidates(each(id in result => get(*id)))]
    async fn insert(&self, items: Vec<Item>) -> Result<Vec<u64>, Failed>;

    #[invalidates(each((item, id) in items.iter().zip(result.iter()) => get(*id), by_name(item.id, &item.name)))]
    async fn insert_owned(&self, items: Vec<Item>) -> Result<Arc<[u64]>, Failed>;

    #[invalidates(each(item in items => get(item.id)))]
    #[allow(clippy::ptr_arg, reason = "the store may push")]
    async fn renumber(&self, items: &mut Vec<Item>) -> Result<(), Failed>;

    #[invalidates(each(item in items => each(line in item.lines => line(*line)), get(item.id, if = item.dirty)))]
    async fn nested(&self, items: Arc<Vec<Item>>) -> Result<(), Failed>;

    #[invalidates(each(id in items.iter().map(|item| item.id).chain(other) => get(id)))]
    async fn expression(&self, items: &[Item], other: Option<u64>) -> Result<(), Failed>;

    #[invalidates(each(item in items => get(item.lines[0])))]
    #[allow(clippy::ptr_arg, reason = "the store drains the lines")]
    async fn drained(&self, items: &mut Vec<Item>) -> Result<(), Failed>;
}

#[derive(Default)]
struct Store {
    fails: AtomicBool,
}

impl Store {
    fn answer<T>(&self, answer: T) -> Result<T, Failed> {
        if self.fails.load(Ordering::Relaxed) { Err(Failed) } else { Ok(answer) }
    }
}

#[async_trait::async_trait]
impl Items for Store {
    async fn get(&self, id: u64) -> Result<u64, Failed> {
        Ok(id)
    }
    async fn by_name(&self, tenant: u64, _: &str) -> Result<u64, Failed> {
        Ok(tenant)
    }
    async fn line(&self, id: u64) -> Result<u64, Failed> {
        Ok(id)
    }
    async fn put(&self, _: u64, _: &[Item]) -> Result<(), Failed> {
        self.answer(())
    }
    async fn put_owned(&self, _: u64, _: Vec<Item>) -> Result<(), Failed> {
        Ok(())
    }
    async fn remove(&self, _: &[u64]) -> Result<(), Failed> {
        Ok(())
    }
    async fn optional(&self, _: Option<u64>, _: &[u64]) -> Result<(), Failed> {
        Ok(())
    }
    async fn insert(&self, items: Vec<Item>) -> Result<Vec<u64>, Failed> {
        self.answer(items.into_iter().map(|item| item.id).collect())
    }
    async fn insert_owned(&self, items: Vec<Item>) -> Result<Arc<[u64]>, Failed> {
        Ok(items.into_iter().map(|item| item.id).collect())
    }
    async fn renumber(&self, items: &mut Vec<Item>) -> Result<(), Failed> {
        for item in items {
            item.id += 2;
        }
        Ok(())
    }
    async fn nested(&self, _: Arc<Vec<Item>>) -> Result<(), Failed> {
        Ok(())
    }
    async fn expression(&self, _: &[Item], _: Option<u64>) -> Result<(), Failed> {
        Ok(())
    }
    async fn drained(&self, items: &mut Vec<Item>) -> Result<(), Failed> {
        for item in items {
            item.lines.clear();
        }
        Ok(())
    }
}

type Caching = CachingItems<Store>;

fn item(id: u64) -> Item {
    Item { id, name: format!("n{id}"), lines: vec![id, id + 1], dirty: id == 1 }
}

/// Fills the entries 0 to 5 of each method, for the tenants 1 and 2.
async fn filled(cache: &Cache) -> Caching {
    let store = CachingItems::new(Arc::default(), cache);
    settled(cache).await;
    for id in 0..6 {
        store.get(id).await.unwrap();
        store.line(id).await.unwrap();
        for tenant in [1, 2] {
            store.by_name(tenant, &format!("n{id}")).await.unwrap();
        }
    }
    store.by_name(1, "all").await.unwrap();
    store
}

/// The entries of `get`, of `by_name` of the tenant 1, and of `line` that are stale.
type Stale = (Vec<u64>, Vec<u64>, Vec<u64>);

fn stale(store: &Caching) -> Stale {
    let all = || 0..6;
    (
        all().filter(|id| store.peek_get(*id).is_none()).collect(),
        all().filter(|id| store.peek_by_name(1, &format!("n{id}")).is_none()).collect(),
        all().filter(|id| store.peek_line(*id).is_none()).collect(),
    )
}

/// Runs a write on a single instance, and on one of two instances of each shared tier; all then have the same stale entries.
async fn after<F>(write: impl Fn(Caching) -> F) -> Stale
where
    F: Future<Output = ()>,
{
    let single = filled(&Cache::single_instance()).await;
    write(single.clone()).await;
    let expected = stale(&single);
    for [one, two] in two_instances().await {
        let (one, two) = (filled(&one).await, filled(&two).await);
        write(one.clone()).await;
        assert_eq!(stale(&one), expected, "on the instance of the write");
        eventually("the other instance follows", || stale(&two) == expected).await;
    }
    expected
}

#[tokio::test]
async fn each_element_of_a_parameter_names_its_entries() {
    let found = after(|store| async move { store.put(1, &[item(1), item(3)]).await.unwrap() }).await;
    assert_eq!(found, (vec![1, 3], vec![1, 3], vec![]));
    let found = after(|store| async move { store.put_owned(1, vec![item(1), item(3)]).await.unwrap() }).await;
    assert_eq!(found, (vec![1, 3], vec![0, 1, 2, 3, 4, 5], vec![]));
    let found = after(|store| async move { store.remove(&[0, 5, 5]).await.unwrap() }).await;
    assert_eq!(found, (vec![0, 5], vec![], vec![]));
    let found = after(|store| async move { store.put(1, &[]).await.unwrap() }).await;
    assert_eq!(found, (vec![], vec![], vec![]));
}

#[tokio::test]
async fn an_optional_parameter_is_a_list_of_up_to_one() {
    let found = after(|store| async move { store.optional(Some(2), &[4]).await.unwrap() }).await;
    assert_eq!(found, (vec![2], vec![], vec![4]));
    let found = after(|store| async move { store.optional(None, &[]).await.unwrap() }).await;
    assert_eq!(found, (vec![], vec![], vec![]));
}

#[tokio::test]
async fn each_element_of_the_result_names_its_entries() {
    let found = after(|store| async move { drop(store.insert(vec![item(2), item(4)]).await.unwrap()) }).await;
    assert_eq!(found, (vec![2, 4], vec![], vec![]));
    let found = after(|store| async move { drop(store.insert_owned(vec![item(1), item(4)]).await.unwrap()) }).await;
    assert_eq!(found, (vec![1, 4], vec![1], vec![]), "the consumed list is cloned for the time after the call");
}

#[tokio::test]
async fn a_list_that_the_call_changes_is_evaluated_before_and_after() {
    let found = after(|store| async move { store.renumber(&mut vec![item(1), item(2)]).await.unwrap() }).await;
    assert_eq!(found.0, [1, 2, 3, 4]);
}

#[tokio::test]
async fn lists_are_nested_and_have_conditions() {
    let found = after(|store| async move { store.nested(Arc::new(vec![item(1), item(4)])).await.unwrap() }).await;
    assert_eq!(found, (vec![1], vec![], vec![1, 2, 4, 5]));
    let found = after(|store| async move { store.expression(&[item(1)], Some(5)).await.unwrap() }).await;
    assert_eq!(found.0, [1, 5]);
}

#[tokio::test]
async fn a_list_that_panics_after_the_call_invalidates_its_methods() {
    let found = after(|store| async move { store.drained(&mut vec![item(1)]).await.unwrap() }).await;
    assert_eq!(found.0, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_refused_write_names_no_entry_by_its_result() {
    let store = filled(&Cache::single_instance()).await;
    store.backing().fails.store(true, Ordering::Relaxed);
    store.insert(vec![item(2)]).await.unwrap_err();
    assert_eq!(stale(&store).0, [0; 0]);
}

/// More scopes than a write announces one by one: the whole method is invalidated, on both instances.
#[tokio::test]
async fn ten_thousand_elements_are_one_invalidation_of_their_methods() {
    let ids: Vec<u64> = (1000..11_000).collect();
    let found = after(|store| {
        let ids = ids.clone();
        async move { store.remove(&ids).await.unwrap() }
    })
    .await;
    assert_eq!(found, (vec![0, 1, 2, 3, 4, 5], vec![], vec![]));
}

#[tokio::test]
async fn four_thousand_elements_leave_other_entries_alone() {
    let ids: Vec<u64> = (3..4003).collect();
    let found = after(|store| {
        let ids = ids.clone();
        async move { store.remove(&ids).await.unwrap() }
    })
    .await;
    assert_eq!(found.0, [3, 4, 5]);
}
