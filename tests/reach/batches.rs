//! Methods over many keys whose results are no maps.

use std::sync::Arc;

use cache_core::{Cache, cached_store};

use super::support::{Calls, each_cache, eventually, settled, two_instances};

pub(super) type Result<T> = std::result::Result<T, String>;

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Row {
    id: u64,
    name: String,
}

fn id_of(row: &Row) -> u64 {
    row.id
}

fn name_of(row: &Row) -> &String {
    &row.name
}

fn is_missing(error: &String) -> bool {
    error == "missing"
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "it takes the part of the key as the macro passes it")]
fn missing(_: &u64) -> String {
    "missing".to_owned()
}

#[cached_store(namespace = "reach:batches")]
pub(super) trait Rows: Send + Sync {
    #[cached(entity = "row", key(id), ttl = "5m", negative_ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<Row>>;

    #[cached(batch = get)]
    async fn in_order(&self, ids: &[u64]) -> Result<Vec<Option<Row>>>;

    #[cached(batch = get)]
    async fn in_order_owned(&self, ids: Vec<u64>) -> Result<Vec<Option<Row>>>;

    #[cached(batch = get, by = id_of)]
    async fn rows(&self, ids: &[u64]) -> Result<Vec<Row>>;

    #[cached(batch = get)]
    async fn pairs(&self, ids: &[u64]) -> Result<Vec<(u64, Row)>>;

    #[cached(entity = "named", key(tenant, name), ttl = "5m")]
    async fn named(&self, tenant: u64, name: &str) -> Result<Row>;

    #[cached(batch = named, by = name_of)]
    async fn all_named(&self, tenant: u64, names: Vec<String>) -> Result<Vec<Row>>;

    #[cached(entity = "sure", key(id), ttl = "5m", negative_ttl = "5m", absent_if = is_missing, absent_as = missing)]
    async fn sure(&self, id: u64) -> Result<Row>;

    #[cached(batch = sure)]
    async fn all_sure(&self, ids: &[u64]) -> Result<Vec<Option<Row>>>;

    #[cached(entity = "short", key(id), ttl = "5m")]
    async fn short(&self, id: u64) -> Result<Option<Row>>;

    #[cached(batch = short)]
    async fn too_short(&self, ids: &[u64]) -> Result<Vec<Option<Row>>>;
}

/// Has the rows 1 to 9.
#[derive(Default)]
struct Table {
    calls: Calls,
}

fn row(id: u64) -> Row {
    Row { id, name: format!("n{id}") }
}

fn found(id: u64) -> Option<Row> {
    (1..10).contains(&id).then(|| row(id))
}

impl Rows for Table {
    async fn get(&self, id: u64) -> Result<Option<Row>> {
        self.calls.add();
        Ok(found(id))
    }
    async fn in_order(&self, ids: &[u64]) -> Result<Vec<Option<Row>>> {
        self.calls.add();
        Ok(ids.iter().map(|id| found(*id)).collect())
    }
    async fn in_order_owned(&self, ids: Vec<u64>) -> Result<Vec<Option<Row>>> {
        self.calls.add();
        Ok(ids.into_iter().map(found).collect())
    }
    async fn rows(&self, ids: &[u64]) -> Result<Vec<Row>> {
        self.calls.add();
        Ok(ids.iter().rev().filter_map(|id| found(*id)).collect())
    }
    async fn pairs(&self, ids: &[u64]) -> Result<Vec<(u64, Row)>> {
        self.calls.add();
        Ok(ids.iter().filter_map(|id| Some((*id, found(*id)?))).collect())
    }
    async fn named(&self, _: u64, name: &str) -> Result<Row> {
        self.calls.add();
        Ok(Row { id: 0, name: name.to_owned() })
    }
    async fn all_named(&self, tenant: u64, names: Vec<String>) -> Result<Vec<Row>> {
        self.calls.add();
        Ok(names.into_iter().filter(|name| name != "gone").map(|name| Row { id: tenant, name }).collect())
    }
    async fn sure(&self, id: u64) -> Result<Row> {
        self.calls.add();
        found(id).ok_or_else(|| missing(&id))
    }
    async fn all_sure(&self, ids: &[u64]) -> Result<Vec<Option<Row>>> {
        self.calls.add();
        Ok(ids.iter().map(|id| found(*id)).collect())
    }
    async fn short(&self, id: u64) -> Result<Option<Row>> {
        Ok(found(id))
    }
    async fn too_short(&self, _: &[u64]) -> Result<Vec<Option<Row>>> {
        Ok(Vec::new())
    }
}

async fn over(cache: &Cache) -> CachingRows<Table> {
    let store = CachingRows::new(Arc::default(), cache);
    settled(cache).await;
    store
}

#[tokio::test]
async fn values_in_the_order_of_the_keys_share_the_entries_of_one() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let calls = || store.backing().calls.count();
        assert_eq!(store.get(3).await.unwrap(), found(3));
        for _ in 0..2 {
            let rows = store.in_order(&[3, 99, 1, 3]).await.unwrap();
            assert_eq!(rows, [found(3), None, found(1), found(3)]);
            assert_eq!(store.in_order_owned(vec![1, 3]).await.unwrap(), [found(1), found(3)]);
        }
        assert_eq!(store.get(99).await.unwrap(), None);
        assert_eq!(calls(), 2, "one for each kind of call");
        assert_eq!(store.in_order(&[]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn rows_are_found_by_their_keys() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        for _ in 0..2 {
            assert_eq!(store.rows(&[3, 99, 1, 3]).await.unwrap(), [row(3), row(1)]);
        }
        assert_eq!((store.get(1).await.unwrap(), store.get(99).await.unwrap()), (found(1), None));
        assert_eq!(store.backing().calls.count(), 1);
        let names = ["a", "gone", "b"].map(str::to_owned).to_vec();
        let rows = store.all_named(7, names).await.unwrap();
        assert_eq!(rows.iter().map(|row| &row.name[..]).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(store.named(7, "b").await.unwrap().id, 7, "from the entry of the batch");
    }
}

#[tokio::test]
async fn a_list_of_pairs_is_a_map() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        let mut pairs = store.pairs(&[1, 99, 2]).await.unwrap();
        pairs.sort_by_key(|(id, _)| *id);
        assert_eq!(pairs, [(1, row(1)), (2, row(2))]);
        assert_eq!((store.get(2).await.unwrap(), store.backing().calls.count()), (found(2), 1));
    }
}

#[tokio::test]
async fn an_absence_of_a_batch_is_the_error_of_one() {
    for cache in each_cache().await {
        let store = over(&cache).await;
        assert_eq!(store.all_sure(&[1, 99]).await.unwrap(), [found(1), None]);
        assert_eq!(store.sure(99).await, Err("missing".to_owned()));
        assert_eq!(store.backing().calls.count(), 1);
    }
}

#[tokio::test]
async fn another_instance_reads_the_values_of_a_batch() {
    for [one, two] in two_instances().await {
        let (first, second) = (over(&one).await, over(&two).await);
        first.in_order(&[1, 2]).await.unwrap();
        eventually("both are filled", || one.stats().method("Rows", "get").fills == 2).await;
        assert_eq!(second.rows(&[2, 1]).await.unwrap(), [row(2), row(1)]);
        assert_eq!(second.backing().calls.count(), 0);
    }
}

/// Values without their keys cannot be matched: nothing is cached under a wrong key.
#[tokio::test]
#[should_panic(expected = "`too_short` returned 0 values for 2 keys")]
async fn a_store_that_returns_too_few_values_is_detected() {
    let store = over(&Cache::single_instance()).await;
    let _ = store.too_short(&[1, 2]).await;
}
