//! Equal keys with different text: the text decides, in both tiers.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, CacheKey, KeyWriter, MemoryRemote, cached_store};

use super::support::{Calls, Failed};

/// A number of hundredths with its number of written places: 1.5 and 1.50 are equal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    hundredths: u32,
    places: usize,
}

const SHORT: Decimal = Decimal { hundredths: 150, places: 1 };
const LONG: Decimal = Decimal { hundredths: 150, places: 2 };

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.hundredths == other.hundredths
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.hundredths.cmp(&other.hundredths)
    }
}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hundredths.hash(state);
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.*}", self.places, f64::from(self.hundredths) / 100.0)
    }
}

/// A key with a manual implementation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Price(Decimal);

impl CacheKey for Price {
    fn write_key(&self, out: &mut KeyWriter) {
        out.display(&self.0);
    }
}

/// A derived key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, CacheKey)]
pub(super) struct Rate(#[cache_key(display)] Decimal);

/// A derived key whose own `Eq` ignores case.
#[derive(Clone, Debug, CacheKey)]
pub(super) struct Name(String);

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

#[cached_store(namespace = "test:equal")]
pub(super) trait Store: Send + Sync {
    #[cached(entity = "price", key(price), ttl = "5m")]
    async fn by_price(&self, price: Price) -> Result<String, Failed>;

    #[cached(batch = by_price)]
    async fn by_prices(&self, prices: &[Price]) -> Result<BTreeMap<Price, String>, Failed>;

    #[cached(batch = by_price)]
    async fn list_prices(&self, prices: Vec<Price>) -> Result<Vec<(Price, String)>, Failed>;

    #[cached(entity = "rate", key(rate), ttl = "5m")]
    async fn by_rate(&self, rate: &Rate) -> Result<String, Failed>;

    #[cached(entity = "name", key(name), ttl = "5m", local_engine = moka)]
    async fn by_name(&self, name: Option<Name>) -> Result<String, Failed>;

    #[invalidates(by_price(price), by_rate(&Rate(price.0)), by_name(name))]
    async fn change(&self, price: Price, name: Option<Name>) -> Result<(), Failed>;
}

/// Returns its argument, and how often it was called with it before.
#[derive(Default)]
struct Echo(Calls);

impl Store for Echo {
    async fn by_price(&self, price: Price) -> Result<String, Failed> {
        Ok(format!("{} {}", price.0, self.0.add()))
    }
    async fn by_prices(&self, prices: &[Price]) -> Result<BTreeMap<Price, String>, Failed> {
        Ok(prices.iter().map(|price| (*price, format!("{} {}", price.0, self.0.add()))).collect())
    }
    async fn list_prices(&self, prices: Vec<Price>) -> Result<Vec<(Price, String)>, Failed> {
        Ok(self.by_prices(&prices).await?.into_iter().collect())
    }
    async fn by_rate(&self, rate: &Rate) -> Result<String, Failed> {
        Ok(format!("{} {}", rate.0, self.0.add()))
    }
    async fn by_name(&self, name: Option<Name>) -> Result<String, Failed> {
        Ok(format!("{} {}", name.unwrap().0, self.0.add()))
    }
    async fn change(&self, _: Price, _: Option<Name>) -> Result<(), Failed> {
        Ok(())
    }
}

type Reader = fn(&CachingStore<Echo>, bool) -> std::pin::Pin<Box<dyn Future<Output = String> + Send + '_>>;

/// Calls each method with one of two equal keys.
fn readers() -> HashMap<&'static str, Reader> {
    HashMap::from([
        ("explicit", (|store, long| Box::pin(async move { store.by_price(price(long)).await.unwrap() })) as Reader),
        ("derived, display", |store, long| Box::pin(async move { store.by_rate(&Rate(price(long).0)).await.unwrap() })),
        ("derived, own Eq, moka", |store, long| {
            Box::pin(async move { store.by_name(Some(name(long))).await.unwrap() })
        }),
        ("batch", |store, long| {
            Box::pin(async move { store.by_prices(&[price(long)]).await.unwrap().pop_first().unwrap().1 })
        }),
    ])
}

fn price(long: bool) -> Price {
    Price(if long { LONG } else { SHORT })
}

fn name(long: bool) -> Name {
    Name(if long { "LONG" } else { "long" }.to_owned())
}

/// Fails if both share a local entry, which the invalidation of one key leaves there.
#[tokio::test]
async fn equal_keys_of_different_text_are_two_entries() {
    for cache in [Cache::single_instance(), shared().await] {
        for (what, read) in readers() {
            let store = CachingStore::new(Arc::new(Echo::default()), &cache);
            cache_is_empty(&store).await;
            let (short, long) = (read(&store, false).await, read(&store, true).await);
            assert_ne!(short, long, "{what}");
            assert_eq!((read(&store, false).await, read(&store, true).await), (short.clone(), long.clone()), "{what}");
            store.change(price(true), Some(name(true))).await.unwrap();
            assert_eq!(read(&store, false).await, short, "{what}: the other was invalidated");
            assert_ne!(read(&store, true).await, long, "{what}: this one was");
        }
    }
}

async fn shared() -> Cache {
    let cache = Cache::builder().remote(MemoryRemote::new()).build().unwrap();
    assert!(cache.connected(Duration::from_secs(20)).await);
    cache
}

async fn cache_is_empty(store: &CachingStore<Echo>) {
    store.invalidate_all().await;
}

/// Fails if the local tier answers for a key that was loaded by another text.
#[tokio::test]
async fn a_batch_loads_equal_keys_one_after_the_other() {
    let store = CachingStore::new(Arc::new(Echo::default()), &Cache::single_instance());
    let both = vec![price(false), price(true), price(false)];
    let found = store.list_prices(both).await.unwrap();
    let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["1.5 1", "1.50 2"]);
    assert_eq!((store.by_price(price(true)).await.unwrap(), store.backing().0.count()), ("1.50 2".to_owned(), 2));
    store.change(price(true), None).await.unwrap();
    let found = store.list_prices(vec![price(false), price(true)]).await.unwrap();
    let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["1.5 1", "1.50 3"]);
}

/// Fails if the third call takes the second one's answer.
#[tokio::test]
async fn equal_keys_do_not_share_a_load() {
    let store = CachingStore::new(Arc::new(Echo::default()), &Cache::pass_through());
    let (one, two, three) =
        tokio::join!(store.by_price(price(false)), store.by_price(price(true)), store.by_price(price(false)));
    let numbers = [one, two, three].map(|answer| answer.unwrap().split(' ').next().unwrap().to_owned());
    assert_eq!(numbers, ["1.5", "1.50", "1.5"]);
}
