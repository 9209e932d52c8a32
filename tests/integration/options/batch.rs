//! Methods over many keys, in every form.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex};

use cache_core::{Cache, cached_store};

use super::support::{Calls, Failed};

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Document {
    owner: u64,
    body: String,
}

type Documents = HashMap<u64, Arc<Document>>;
type Answer<T> = Result<T, Failed>;

#[cached_store(namespace = "test:batch")]
#[async_trait::async_trait]
pub(super) trait Library: Send + Sync {
    #[cached(entity = "document", key(room, id), ignore(reader), ttl = "1h", visible_if = may_read, cache_if = is_worth)]
    async fn document(&self, room: &str, id: u64, reader: Option<&str>) -> Result<Option<Arc<Document>>, Failed>;

    #[cached(batch = document, key(room, ids), ignore(reader))]
    async fn read_all(&self, room: &str, ids: &[u64], reader: Option<&str>) -> Answer<Documents>;

    #[cached(entity = "title", key(name), ttl = "1h", load = inline, codec = json)]
    async fn title(&self, name: &str) -> Result<String, Failed>;

    /// A second batch of the same entity, by value and into a list of pairs.
    #[cached(batch = title)]
    async fn titles(&self, names: Vec<String>) -> Result<Vec<(String, String)>, Failed>;

    #[cached(batch = title)]
    async fn titles_by_name(&self, names: &[String]) -> Result<BTreeMap<String, String>, Failed>;

    #[cached(entity = "loan", key(id, of), ttl = "1h", negative_ttl = "1m")]
    async fn loan(&self, id: u64, of: Option<u64>) -> Result<Option<u64>, Failed>;

    /// Only the keys that the store returns are known.
    #[cached(batch = loan)]
    async fn loans(&self, ids: &[u64], of: Option<u64>) -> Result<HashMap<u64, Option<u64>>, Failed>;

    #[cached(batch = loan)]
    async fn loans_of(&self, id: u64, of: &[Option<u64>]) -> Result<HashMap<Option<u64>, u64>, Failed>;
}

#[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option_ref, reason = "it takes a reference to each parameter")]
fn may_read(document: &Document, room: &str, id: &u64, reader: &Option<&str>) -> bool {
    assert!(room == "a" && *id < 100, "the parameters are those of the one key");
    reader.is_some_and(|reader| reader == document.owner.to_string())
}

fn is_worth(document: &Document) -> bool {
    document.body != "worthless"
}

#[derive(Default)]
struct Shelves {
    calls: Calls,
    loaded: Mutex<Vec<String>>,
}

impl Shelves {
    fn note(&self, what: String) {
        self.calls.add();
        self.loaded.lock().unwrap().push(what);
    }

    fn loaded(&self) -> Vec<String> {
        std::mem::take(&mut *self.loaded.lock().unwrap())
    }
}

fn found(id: u64) -> Option<Arc<Document>> {
    let body = if id == 7 { "worthless" } else { "body" };
    (id < 10).then(|| Arc::new(Document { owner: id % 2, body: body.to_owned() }))
}

#[async_trait::async_trait]
impl Library for Shelves {
    async fn document(&self, room: &str, id: u64, reader: Option<&str>) -> Result<Option<Arc<Document>>, Failed> {
        self.note(format!("{room} {id} {reader:?}"));
        Ok(found(id))
    }

    async fn read_all(&self, room: &str, ids: &[u64], reader: Option<&str>) -> Answer<Documents> {
        self.note(format!("{room} {ids:?} {reader:?}"));
        Ok(ids.iter().filter_map(|id| Some((*id, found(*id)?))).collect())
    }

    async fn title(&self, name: &str) -> Result<String, Failed> {
        self.note(name.to_owned());
        Ok(name.to_uppercase())
    }

    async fn titles(&self, names: Vec<String>) -> Result<Vec<(String, String)>, Failed> {
        self.note(names.join(" "));
        let known = names.into_iter().filter(|name| name != "unknown");
        Ok(known.map(|name| (name.clone(), name.to_uppercase())).collect())
    }

    async fn titles_by_name(&self, names: &[String]) -> Result<BTreeMap<String, String>, Failed> {
        Ok(self.titles(names.to_vec()).await?.into_iter().collect())
    }

    async fn loan(&self, id: u64, of: Option<u64>) -> Result<Option<u64>, Failed> {
        self.note(format!("{id} {of:?}"));
        Ok(of)
    }

    async fn loans(&self, ids: &[u64], of: Option<u64>) -> Result<HashMap<u64, Option<u64>>, Failed> {
        self.note(format!("{ids:?} {of:?}"));
        Ok(ids.iter().filter(|id| **id != 3).map(|id| (*id, of.filter(|_| id % 2 == 0))).collect())
    }

    async fn loans_of(&self, id: u64, of: &[Option<u64>]) -> Result<HashMap<Option<u64>, u64>, Failed> {
        self.note(format!("{id} {of:?}"));
        Ok(of.iter().filter_map(|of| Some((*of, (*of)?))).collect())
    }
}

fn library() -> (Arc<Shelves>, CachingLibrary<Shelves>) {
    let shelves = Arc::<Shelves>::default();
    let library = CachingLibrary::new(Arc::clone(&shelves), &Cache::single_instance());
    (shelves, library)
}

#[tokio::test]
async fn a_batch_shares_the_entries_of_its_single_key_method() {
    let (shelves, library) = library();
    library.titles_by_name(&["b".to_owned()]).await.unwrap();
    library.title("a").await.unwrap();
    shelves.loaded();
    let names = || ["a", "b", "c", "a"].map(str::to_owned).to_vec();
    let expected = [("a", "A"), ("b", "B"), ("c", "C")].map(|(name, title)| (name.to_owned(), title.to_owned()));
    let titles = library.titles(names()).await.unwrap();
    assert_eq!(BTreeMap::from_iter(titles), BTreeMap::from(expected.clone()));
    assert_eq!(shelves.loaded(), ["c"]);
    assert_eq!(library.titles_by_name(&names()).await.unwrap(), BTreeMap::from(expected));
    assert_eq!(library.peek_title("c"), Some("C".to_owned()));
    assert_eq!(shelves.loaded(), Vec::<String>::new());
    library.invalidate_title("b").await;
    library.titles(names()).await.unwrap();
    assert_eq!(shelves.loaded(), ["b"]);
}

#[tokio::test]
async fn batches_are_cached_through_a_trait_object() {
    let (shelves, library) = library();
    let library: Arc<dyn Library> = Arc::new(library);
    for _ in 0..2 {
        assert_eq!(library.titles_by_name(&["a".to_owned()]).await.unwrap().len(), 1);
    }
    assert_eq!(shelves.loaded(), ["a"]);
}

#[tokio::test]
async fn a_key_omitted_by_the_store_is_unknown_unless_absence_is_cached() {
    let (shelves, library) = library();
    for _ in 0..2 {
        assert_eq!(library.titles(vec!["unknown".to_owned()]).await.unwrap(), []);
    }
    assert_eq!(
        shelves.loaded(),
        ["unknown", "unknown"],
        "the single-key method always has a value: no absence to cache"
    );

    for _ in 0..2 {
        assert_eq!(library.loans_of(1, &[None, Some(5)]).await.unwrap(), HashMap::from([(Some(5), 5)]));
    }
    assert_eq!(shelves.loaded(), ["1 [None, Some(5)]"], "the absence of None is cached");

    for _ in 0..2 {
        let loans = library.loans(&[1, 2, 3, 4], Some(9)).await.unwrap();
        assert_eq!(loans, HashMap::from([(1, None), (2, Some(9)), (4, Some(9))]));
    }
    assert_eq!(
        shelves.loaded(),
        ["[1, 2, 3, 4] Some(9)", "[3] Some(9)"],
        "an explicit absence is cached, an omission is not"
    );
}

#[tokio::test]
async fn a_batch_checks_visibility_like_its_single_key_method() {
    let (shelves, library) = library();
    library.read_all("a", &[1, 2, 3], Some("1")).await.unwrap();
    assert_eq!(shelves.loaded(), ["a [1, 2, 3] Some(\"1\")"]);
    let seen = library.read_all("a", &[3, 2, 1], Some("1")).await.unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!(shelves.loaded(), ["a [2] Some(\"1\")"], "the store decides about the document of another user");
    library.read_all("a", &[1, 2], Some("0")).await.unwrap();
    assert_eq!(shelves.loaded(), ["a [1] Some(\"0\")"]);
    library.document("a", 2, Some("0")).await.unwrap();
    library.read_all("a", &[2], None).await.unwrap();
    assert_eq!(shelves.loaded(), ["a [2] None"]);
}

#[tokio::test]
async fn a_batch_caches_only_values_that_pass_cache_if() {
    let (shelves, library) = library();
    for _ in 0..2 {
        library.read_all("a", &[7, 9], Some("1")).await.unwrap();
    }
    assert_eq!(shelves.loaded(), ["a [7, 9] Some(\"1\")", "a [7] Some(\"1\")"]);
}

#[tokio::test]
async fn a_batch_over_a_disabled_method_loads_from_the_store() {
    let shelves = Arc::<Shelves>::default();
    let builder = CachingLibrary::builder(Arc::clone(&shelves), &Cache::single_instance());
    let library = builder.title(|policy| policy.enabled(false)).build();
    for _ in 0..2 {
        library.titles(vec!["a".to_owned(), "a".to_owned()]).await.unwrap();
    }
    assert_eq!(shelves.loaded(), ["a", "a"]);
}

/// Plain `async fn` and a future by name, in a generic trait.
#[cached_store(namespace = "test:batch:styles")]
pub(super) trait Numbers<T: Clone + Send + Sync + 'static>: Send + Sync
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    #[cached(entity = "number", key(id), ttl = "1h")]
    async fn number(&self, id: u64) -> Result<Option<T>, Failed>;

    #[cached(batch = number)]
    async fn numbers(&self, ids: &[u64]) -> Result<BTreeMap<u64, T>, Failed>;

    #[cached(batch = number)]
    fn listed(&self, ids: Vec<u64>) -> impl Future<Output = Result<Vec<(u64, T)>, Failed>> + Send;
}

#[derive(Default)]
struct Halves(Calls);

impl Numbers<f64> for Halves {
    async fn number(&self, id: u64) -> Result<Option<f64>, Failed> {
        self.0.add();
        Ok(u32::try_from(id).ok().map(|id| f64::from(id) / 2.0))
    }

    async fn numbers(&self, ids: &[u64]) -> Result<BTreeMap<u64, f64>, Failed> {
        Ok(self.listed(ids.to_vec()).await?.into_iter().collect())
    }

    async fn listed(&self, ids: Vec<u64>) -> Result<Vec<(u64, f64)>, Failed> {
        self.0.add();
        Ok(ids.into_iter().filter_map(|id| Some((id, f64::from(u32::try_from(id).ok()?) / 2.0))).collect())
    }
}

#[tokio::test]
async fn batches_work_in_every_style_of_trait() {
    let store = CachingNumbers::new(Arc::<Halves>::default(), &Cache::single_instance());
    assert_eq!(store.numbers(&[1, 2]).await.unwrap(), BTreeMap::from([(1, 0.5), (2, 1.0)]));
    assert_eq!(Numbers::listed(&store, vec![2, 1]).await.unwrap().len(), 2);
    assert_eq!(Numbers::numbers(&store, &[2]).await.unwrap(), BTreeMap::from([(2, 1.0)]));
    assert_eq!(store.number(1).await.unwrap(), Some(0.5));
    assert_eq!(store.backing().0.count(), 1);
}
