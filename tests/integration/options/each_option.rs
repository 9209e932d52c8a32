//! The effect of each option of `#[cached]`.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, cached_store};

use super::support::{Calls, Failed};

const TTL: Duration = Duration::from_mins(1);

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Document {
    owner: u64,
    body: String,
}

#[cached_store(namespace = "test:options")]
#[async_trait::async_trait]
pub(super) trait Store: Send + Sync {
    const DAY: Duration;

    #[cached(entity = "present", key(id), ttl = TTL)]
    async fn present(&self, id: u64) -> Result<Option<usize>, Failed>;

    #[cached(entity = "absent", key(id), ttl = TTL, negative_ttl = "10s")]
    async fn absent(&self, id: u64) -> Result<Option<usize>, Failed>;

    #[cached(entity = "visible", key(id), ignore(reader), ttl = "1h", visible_if = may_read)]
    async fn visible(&self, id: u64, reader: u64) -> Result<Option<Arc<Document>>, Failed>;

    #[cached(entity = "plain", key(id), ignore(reader), ttl = "1h", visible_if = Document::is_of, load = inline)]
    async fn plain(&self, id: u64, reader: &str) -> Result<Document, Failed>;

    #[cached(entity = "kept", key(id), ttl = "1h", cache_if = is_even)]
    async fn kept(&self, id: u64) -> Result<Option<usize>, Failed>;

    #[cached(
        entity = "every", key(a, b), ignore(trace), ttl = Self::DAY, jitter = 20, local = "30s", local_capacity = 1_000,
        local_engine = moka, version = 3, codec = postcard
    )]
    async fn every(&self, b: &[u8], a: Option<u64>, trace: &str) -> Result<usize, Failed>;

    #[cached(entity = "shared", key(id), ttl = "5m", local = off, codec = json)]
    async fn shared(&self, id: u64) -> Result<usize, Failed>;

    #[cached(entity = "nothing", ttl = "5m")]
    async fn without_parameters(&self) -> Result<usize, Failed>;

    #[cached(entity = "constant", key(name), ignore(_note), ttl = "5m", local_engine = quick, codec = msgpack)]
    async fn constant(&self, name: &'static str, _note: &'static str) -> Result<usize, Failed>;

    #[invalidates(without_parameters(), every(key, ..), constant(..))]
    async fn write(&self, key: Option<u64>) -> Result<(), Failed>;
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it takes a reference to each parameter")]
fn may_read(document: &Document, _: &u64, reader: &u64) -> bool {
    document.owner == *reader
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it takes a reference to the value")]
fn is_even(value: &usize) -> bool {
    value.is_multiple_of(2)
}

impl Document {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "it takes a reference to each parameter")]
    fn is_of(&self, _: &u64, reader: &str) -> bool {
        self.body == reader
    }
}

#[derive(Default)]
struct Counted(Calls);

#[async_trait::async_trait]
impl Store for Counted {
    const DAY: Duration = Duration::from_hours(24);

    async fn present(&self, id: u64) -> Result<Option<usize>, Failed> {
        let call = self.0.add();
        if id == 13 { Err(Failed) } else { Ok((id > 0).then_some(call)) }
    }
    async fn absent(&self, _: u64) -> Result<Option<usize>, Failed> {
        self.0.add();
        Ok(None)
    }
    async fn visible(&self, _: u64, reader: u64) -> Result<Option<Arc<Document>>, Failed> {
        self.0.add();
        Ok((reader == 1).then(|| Arc::new(Document { owner: 1, body: String::new() })))
    }
    async fn plain(&self, _: u64, reader: &str) -> Result<Document, Failed> {
        self.0.add();
        Ok(Document { owner: 1, body: reader.to_owned() })
    }
    async fn kept(&self, _: u64) -> Result<Option<usize>, Failed> {
        Ok(Some(self.0.add()))
    }
    async fn every(&self, _: &[u8], _: Option<u64>, _: &str) -> Result<usize, Failed> {
        Ok(self.0.add())
    }
    async fn shared(&self, _: u64) -> Result<usize, Failed> {
        Ok(self.0.add())
    }
    async fn without_parameters(&self) -> Result<usize, Failed> {
        Ok(self.0.add())
    }
    async fn constant(&self, _: &'static str, _: &'static str) -> Result<usize, Failed> {
        Ok(self.0.add())
    }
    async fn write(&self, _: Option<u64>) -> Result<(), Failed> {
        Ok(())
    }
}

fn store() -> CachingStore<Counted> {
    CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance())
}

#[tokio::test]
async fn absence_is_cached_only_with_negative_ttl() {
    let store = store();
    store.present(0).await.unwrap();
    store.present(0).await.unwrap();
    assert_eq!(store.backing().0.count(), 2);
    store.absent(0).await.unwrap();
    store.absent(0).await.unwrap();
    assert_eq!(store.backing().0.count(), 3);
    assert_eq!(store.peek_absent(0), Some(None));
}

#[tokio::test]
async fn errors_are_never_cached() {
    let store = store();
    assert!(store.present(13).await.is_err());
    assert!(store.present(13).await.is_err());
    assert_eq!(store.backing().0.count(), 2);
}

#[tokio::test]
async fn a_hit_is_returned_only_if_it_is_visible_to_the_caller() {
    let store = store();
    assert!(store.visible(5, 1).await.unwrap().is_some());
    assert!(Store::visible(&store, 5, 1).await.unwrap().is_some());
    assert_eq!(store.backing().0.count(), 1);
    assert!(store.peek_visible(5, 1).is_some());
    assert!(store.peek_visible(5, 2).is_none());
    assert!(store.visible(5, 2).await.unwrap().is_none());
    assert!(Store::visible(&store, 5, 2).await.unwrap().is_none());
    assert_eq!(store.backing().0.count(), 3);
    assert!(store.visible(5, 1).await.unwrap().is_some());
}

#[tokio::test]
async fn visibility_works_without_option_and_with_inline_loads() {
    let store = store();
    let me = String::from("me");
    assert_eq!(store.plain(1, &me).await.unwrap().body, "me");
    assert_eq!(Store::plain(&store, 1, &me).await.unwrap().body, "me");
    assert_eq!(store.backing().0.count(), 1);
    assert_eq!(store.plain(1, "you").await.unwrap().body, "you");
    assert_eq!(store.backing().0.count(), 2);
}

#[tokio::test]
async fn only_values_that_pass_cache_if_are_cached() {
    let store = store();
    assert_eq!(store.kept(1).await.unwrap(), Some(1));
    assert_eq!(store.kept(1).await.unwrap(), Some(2));
    assert_eq!(store.kept(1).await.unwrap(), Some(2));
}

#[tokio::test]
async fn key_parts_distinguish_entries_and_ignored_parameters_do_not() {
    let store = store();
    assert_eq!(store.every(b"x", None, "trace").await.unwrap(), 1);
    assert_eq!(store.every(b"x", None, "other trace").await.unwrap(), 1);
    assert_eq!(store.every(b"y", None, "").await.unwrap(), 2);
    assert_eq!(store.every(b"x", Some(1), "").await.unwrap(), 3);
    assert_eq!(store.constant("a", "").await.unwrap(), 4);
    assert_eq!(store.constant("a", "note").await.unwrap(), 4);
    assert_eq!(store.without_parameters().await.unwrap(), 5);
    assert_eq!(Store::without_parameters(&store).await.unwrap(), 5);
    assert_eq!(store.peek_without_parameters(), Some(5));

    store.write(None).await.unwrap();
    assert_eq!(store.peek_without_parameters(), None);
    assert_eq!(store.peek_constant("a", ""), None);
    assert_eq!(store.peek_every(b"x", None, ""), None);
    assert_eq!(store.peek_every(b"x", Some(1), ""), Some(3));
}

#[tokio::test]
async fn without_any_tier_no_value_is_cached() {
    let store = store();
    store.shared(1).await.unwrap();
    store.shared(1).await.unwrap();
    assert_eq!(store.backing().0.count(), 2);
}
