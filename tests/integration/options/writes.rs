//! The targets and timing of `#[invalidates]`.

use std::sync::Arc;

use cache_core::{Cache, WriteError, cached_store};

use super::support::Calls;

#[derive(Debug, Clone)]
pub(super) enum Refused {
    Before,
    Perhaps,
}

impl WriteError for Refused {
    fn not_written(&self) -> bool {
        matches!(self, Self::Before)
    }
}

#[derive(Clone)]
pub(super) struct Item {
    tenant: u64,
    name: String,
    parent: Option<String>,
}

#[cached_store(namespace = "test:writes")]
pub(super) trait Store: Send + Sync {
    #[cached(entity = "item", key(tenant, name), ttl = "5m")]
    async fn item(&self, tenant: u64, name: &str) -> Result<usize, Refused>;

    #[cached(entity = "children", key(tenant, parent), ttl = "5m")]
    async fn children(&self, tenant: u64, parent: Option<&str>) -> Result<usize, Refused>;

    #[invalidates(item(item.tenant, item.name), children(item.tenant, item.parent.as_deref()))]
    async fn put(&self, item: &Item) -> Result<(), Refused>;

    #[invalidates(item(item.tenant, result.clone() + "!"), item(item.tenant, result), children(0, None))]
    async fn create(&self, item: Item) -> Result<String, Refused>;

    #[invalidates(item(tenant, names.first().map_or("", |name| name)), children(tenant + 1, ..))]
    async fn rename(&self, tenant: u64, names: &[String]) -> Result<(), Refused>;

    #[invalidates(item(result.0, result.1))]
    async fn infallible(&self) -> (u64, &'static str);

    #[invalidates(item(..), children(..))]
    async fn clear<F: Fn(&Item) -> bool + Send>(&self, filter: F) -> Result<(), Refused>;
}

#[derive(Default)]
struct Counted(Calls);

impl Store for Counted {
    async fn item(&self, _: u64, _: &str) -> Result<usize, Refused> {
        Ok(self.0.add())
    }
    async fn children(&self, _: u64, _: Option<&str>) -> Result<usize, Refused> {
        Ok(self.0.add())
    }
    async fn put(&self, item: &Item) -> Result<(), Refused> {
        if item.name == "refused" { Err(Refused::Perhaps) } else { Ok(()) }
    }
    async fn create(&self, item: Item) -> Result<String, Refused> {
        if item.name == "refused" { Err(Refused::Before) } else { Ok(item.name) }
    }
    async fn rename(&self, _: u64, _: &[String]) -> Result<(), Refused> {
        Ok(())
    }
    async fn infallible(&self) -> (u64, &'static str) {
        (1, "a")
    }
    async fn clear<F: Fn(&Item) -> bool + Send>(&self, _: F) -> Result<(), Refused> {
        Ok(())
    }
}

const NAMES: [&str; 4] = ["a", "a!", "b", "refused"];

async fn filled() -> CachingStore<Counted> {
    let store = CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance());
    for tenant in 0..3 {
        for name in NAMES {
            store.item(tenant, name).await.unwrap();
        }
        for parent in [None, Some("a"), Some("b")] {
            store.children(tenant, parent).await.unwrap();
        }
    }
    store
}

fn item(name: &str, parent: Option<&str>) -> Item {
    Item { tenant: 1, name: name.to_owned(), parent: parent.map(ToOwned::to_owned) }
}

/// The entries of `item` and of `children` that are no longer cached.
fn stale(store: &CachingStore<Counted>) -> (Vec<String>, Vec<String>) {
    let mut stale = (Vec::new(), Vec::new());
    for tenant in 0..3 {
        let items = NAMES.iter().filter(|name| store.peek_item(tenant, name).is_none());
        stale.0.extend(items.map(|name| format!("{tenant}{name}")));
        let parents =
            [None, Some("a"), Some("b")].into_iter().filter(|parent| store.peek_children(tenant, *parent).is_none());
        stale.1.extend(parents.map(|parent| format!("{tenant}{}", parent.unwrap_or("-"))));
    }
    stale
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_write_invalidates_exactly_its_entries() {
    let store = filled().await;
    store.put(&item("a", Some("b"))).await.unwrap();
    assert_eq!(stale(&store), (texts(&["1a"]), texts(&["1b"])));
    store.put(&item("b", None)).await.unwrap();
    assert_eq!(stale(&store), (texts(&["1a", "1b"]), texts(&["1-", "1b"])));
}

#[tokio::test]
async fn a_write_that_may_have_happened_invalidates() {
    let store = filled().await;
    store.put(&item("refused", None)).await.unwrap_err();
    assert_eq!(stale(&store), (texts(&["1refused"]), texts(&["1-"])));
}

#[tokio::test]
async fn a_result_names_the_invalidated_entries() {
    let store = filled().await;
    assert_eq!(store.create(item("a", None)).await.unwrap(), "a");
    assert_eq!(stale(&store), (texts(&["1a", "1a!"]), texts(&["0-"])));
}

#[tokio::test]
async fn an_error_invalidates_no_target_that_needs_the_result() {
    let store = filled().await;
    store.create(item("refused", None)).await.unwrap_err();
    assert_eq!(stale(&store).0, texts(&[]));
}

#[tokio::test]
async fn expressions_and_prefixes_are_targets() {
    let store = filled().await;
    store.rename(1, &["b".to_owned()]).await.unwrap();
    assert_eq!(stale(&store), (texts(&["1b"]), texts(&["2-", "2a", "2b"])));
}

#[tokio::test]
async fn an_infallible_return_value_is_the_result() {
    let store = filled().await;
    store.infallible().await;
    assert_eq!(stale(&store), (texts(&["1a"]), texts(&[])));
}

#[tokio::test]
async fn a_write_can_invalidate_everything() {
    let store = filled().await;
    Store::clear(&store, |_| true).await.unwrap();
    assert_eq!((stale(&store).0.len(), stale(&store).1.len()), (12, 9));
}
