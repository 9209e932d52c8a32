//! Values that a codec alters or rejects never reach the shared tier or a reader.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_core::{Cache, Cacheable, Codec, Error, MemoryRemote, MethodStats, ReadPolicy, cached_store};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::sync_points::until;
use crate::logs::Logs;

const MINUTE: Duration = Duration::from_mins(1);
const CODECS: [Codec; 3] = [Codec::MessagePack, Codec::Json, Codec::Postcard];

fn instance(remote: &MemoryRemote) -> Cache {
    Cache::builder().remote(remote.clone()).build().unwrap()
}

/// Waits until the namespaces joined so far are readable.
async fn connected(cache: &Cache) {
    assert!(cache.connected(Duration::from_secs(20)).await);
}

/// Loads a value on one instance.
///
/// Returns what another instance reads, and the statistics of the first.
async fn other_reads<T: Cacheable + PartialEq + Debug>(codec: Codec, value: &T) -> (T, MethodStats) {
    let remote = MemoryRemote::new();
    let (one, two) = (instance(&remote), instance(&remote));
    let policy = ReadPolicy::new(MINUTE).codec(codec);
    let (first, second) =
        (one.region::<u64, T>("race:test", "value", policy), two.region::<u64, T>("race:test", "value", policy));
    connected(&one).await;
    connected(&two).await;
    let load = || {
        let value = value.clone();
        move || async move { Ok::<_, Error>(value) }
    };
    assert_eq!(first.get_or_load(&1, load()).await.unwrap(), *value);
    let stats = || one.stats().total();
    until("it is stored or refused", || stats().fills + stats().errors.values().sum::<u64>() > 0).await;
    (second.get_or_load(&1, load()).await.unwrap(), stats())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rights {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    admin: bool,
    groups: Vec<u8>,
    denied: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Role {
    Guest,
    #[serde(skip)]
    #[expect(dead_code, reason = "it moves the numbers of the variants behind it")]
    Internal,
    Member,
    Admin,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Money {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cents: Option<u32>,
    amount: u32,
    tail: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OneWay {
    #[serde(skip_deserializing)]
    one: u8,
    two: u8,
    three: Vec<u8>,
}

/// Fails without the check: a member becomes an admin, and a missing right is granted.
#[tokio::test]
async fn no_value_is_read_as_another() {
    async fn check<T: Cacheable + PartialEq + Debug>(value: T, altered_by: &[Codec]) {
        for codec in CODECS {
            let (seen, stats) = other_reads(codec, &value).await;
            assert_eq!(seen, value, "{codec:?}");
            let altered = stats.errors.get("altered").copied().unwrap_or_default();
            assert_eq!(altered, u64::from(altered_by.contains(&codec)), "{codec:?} of {value:?}");
            assert_eq!(stats.fills, 1 - altered, "{codec:?} of {value:?}");
        }
    }
    check(Rights { admin: false, groups: vec![0], denied: Vec::new() }, &[Codec::Postcard]).await;
    check(Role::Guest, &[]).await;
    check(Role::Member, &[Codec::Postcard]).await;
    check(Role::Admin, &[Codec::Postcard]).await;
    check(Money { cents: None, amount: 1, tail: vec![9, 0] }, &[Codec::Postcard]).await;
    check(OneWay { one: 0, two: 2, three: vec![0, 0] }, &[Codec::Postcard]).await;
    check(OneWay { one: 5, two: 2, three: vec![0, 0] }, &CODECS).await;
    check(Some(Some(None::<u8>)), &[Codec::MessagePack, Codec::Json]).await;
    let names: HashMap<String, HashSet<u64>> = (0..100).map(|at| (at.to_string(), (0..at).collect())).collect();
    check(names, &[]).await;
}

/// A method whose values never decode to themselves stores none and logs one warning.
#[tokio::test]
async fn a_method_whose_values_change_stores_none_and_logs_one_warning() {
    let logs = Logs::start();
    let cache = instance(&MemoryRemote::new());
    let region = cache.region::<u64, Role>("race:test", "role", ReadPolicy::new(MINUTE).codec(Codec::Postcard));
    connected(&cache).await;
    for key in 0..100 {
        assert_eq!(region.get_or_load(&key, || async { Ok::<_, Error>(Role::Member) }).await.unwrap(), Role::Member);
    }
    until("all are counted", || cache.stats().total().errors.get("altered") == Some(&100)).await;
    assert_eq!(cache.stats().total().fills, 0);
    let text = logs.text();
    let warnings: Vec<&str> = text.lines().filter(|line| line.contains("does not come back from its codec")).collect();
    assert_eq!(warnings.len(), 1, "{text}");
    assert!(warnings[0].starts_with("WARN") && warnings[0].contains("method=\"role\""), "{}", warnings[0]);
}

/// Most values of a method with a faithful codec are not decoded again.
#[tokio::test]
async fn round_trip_checks_are_rare() {
    static DECODED: AtomicU64 = AtomicU64::new(0);
    #[derive(Clone)]
    struct Counted;
    impl Serialize for Counted {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u8(1)
        }
    }
    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            DECODED.fetch_add(1, Ordering::Relaxed);
            u8::deserialize(deserializer).map(|_| Self)
        }
    }
    let cache = instance(&MemoryRemote::new());
    let region = cache.region::<u64, Counted>("race:test", "counted", ReadPolicy::new(MINUTE));
    connected(&cache).await;
    for key in 0..2000 {
        region.get_or_load(&key, || async { Ok::<_, Error>(Counted) }).await.unwrap();
    }
    until("all are stored", || cache.stats().total().fills == 2000).await;
    let decoded = DECODED.load(Ordering::Relaxed);
    assert!((8..30).contains(&decoded), "{decoded} of 2000 were decoded");
}

const POISON: u64 = 13;
const SECRET: u64 = 14;

/// A number that panics: one value on deserialisation, another on serialisation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Touchy(u64);

impl Serialize for Touchy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.0, SECRET, "this is never written");
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Touchy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        assert_ne!(number, POISON, "this is never read");
        Ok(Self(number))
    }
}

#[cached_store(namespace = "race:touchy")]
pub(super) trait Store: Send + Sync {
    #[cached(entity = "number", key(id), ttl = "1m", negative_ttl = "1m", cache_if = is_kept)]
    async fn number(&self, id: u64) -> Result<Option<Touchy>, Error>;

    #[cached(batch = number)]
    async fn numbers(&self, ids: &[u64]) -> Result<HashMap<u64, Touchy>, Error>;
}

const REFUSED: u64 = 15;

fn is_kept(number: &Touchy) -> bool {
    assert_ne!(number.0, REFUSED, "this is never kept");
    true
}

/// A store in which each number is its own value.
struct Same;

impl Store for Same {
    async fn number(&self, id: u64) -> Result<Option<Touchy>, Error> {
        Ok(Some(Touchy(id)))
    }

    async fn numbers(&self, ids: &[u64]) -> Result<HashMap<u64, Touchy>, Error> {
        Ok(ids.iter().map(|id| (*id, Touchy(*id))).collect())
    }
}

async fn in_time<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), call).await.expect("no caller waits for ever")
}

/// A shared tier with good entries and one that cannot be decoded.
async fn poisoned() -> MemoryRemote {
    let remote = MemoryRemote::new();
    let cache = instance(&remote);
    let store = CachingStore::new(Arc::new(Same), &cache);
    connected(&cache).await;
    // Beyond the first values, which are all decoded again.
    for id in 20..40 {
        store.number(id).await.unwrap();
    }
    until("they are stored", || cache.stats().total().fills == 20).await;
    while remote.raw("race:touchy:number:13").is_none() {
        store.invalidate_number(POISON).await;
        in_time(store.number(POISON)).await.unwrap();
        until("it is stored or refused", || {
            let stats = cache.stats().total();
            stats.fills > 20 || stats.errors.contains_key("altered")
        })
        .await;
    }
    remote
}

/// Fails if the panic reaches the caller.
#[tokio::test]
async fn a_value_that_panics_while_decoding_is_a_miss() {
    let reader = instance(&poisoned().await);
    let store = CachingStore::new(Arc::new(Same), &reader);
    connected(&reader).await;
    assert_eq!(in_time(store.number(POISON)).await.unwrap(), Some(Touchy(POISON)));
    let stats = reader.stats().total();
    assert_eq!((stats.shared_hits, stats.loads, stats.errors.get("payload")), (0, 1, Some(&1)), "{stats:?}");
}

/// Fails if one bad entry spoils the whole batch.
#[tokio::test]
async fn the_other_entries_of_a_batch_are_hits() {
    let reader = instance(&poisoned().await);
    let store = CachingStore::new(Arc::new(Same), &reader);
    connected(&reader).await;
    let ids = [20, POISON, 21];
    let found = in_time(store.numbers(&ids)).await.unwrap();
    assert_eq!(found, ids.map(|id| (id, Touchy(id))).into());
    let stats = reader.stats().total();
    assert_eq!((stats.shared_hits, stats.loads, stats.errors.get("payload")), (2, 1, Some(&1)), "{stats:?}");
}

/// Fails if the panic ends the task of the load and its caller waits forever.
#[tokio::test]
async fn a_panic_in_value_code_after_the_load_leaves_no_caller_waiting() {
    for id in [SECRET, REFUSED] {
        let cache = instance(&MemoryRemote::new());
        let store = CachingStore::new(Arc::new(Same), &cache);
        connected(&cache).await;
        assert_eq!(in_time(store.number(id)).await.unwrap(), Some(Touchy(id)));
        assert_eq!(in_time(store.numbers(&[id, 1])).await.unwrap(), HashMap::from([(id, Touchy(id)), (1, Touchy(1))]));
        until("the other is stored", || cache.stats().total().fills == 1).await;
        let counted = cache.stats().total().errors.get("encode").copied();
        assert_eq!(counted, (id == SECRET).then_some(1), "the second read was a local hit, or is not to be kept");
    }
}

/// Fails if the panic reaches the caller of `set` or `get`.
#[tokio::test]
async fn an_ad_hoc_value_that_panics_while_decoding_is_absent() {
    let remote = MemoryRemote::new();
    let (one, two) = (instance(&remote), instance(&remote));
    let first = one.transparent::<Touchy>("race:test", "touchy");
    let second = two.transparent::<Touchy>("race:test", "touchy");
    connected(&one).await;
    connected(&two).await;
    // On a busy machine the lease may lapse, and a value is not encoded then.
    for (key, value, kind) in [("secret", SECRET, "encode"), ("poison", POISON, "altered")] {
        in_time(async {
            while !one.stats().total().errors.contains_key(kind) {
                first.set(key, Touchy(value), MINUTE).await;
            }
        })
        .await;
    }
    in_time(first.set("good", Touchy(1), MINUTE)).await;
    assert_eq!((in_time(second.get("secret")).await, in_time(second.get("poison")).await), (None, None));
    assert_eq!(in_time(second.get("good")).await, Some(Touchy(1)));
}

/// The verifier compares encoded values.
#[tokio::test]
async fn a_hit_that_cannot_be_encoded_is_a_failed_check() {
    let cache = Cache::builder().remote(MemoryRemote::new()).verify_one_in(1).build().unwrap();
    let store = CachingStore::new(Arc::new(Same), &cache);
    connected(&cache).await;
    in_time(async {
        // The verifier skips hits while the instance waits for a heartbeat.
        while cache.stats().total().verified_failed == 0 {
            assert_eq!(store.number(SECRET).await.unwrap(), Some(Touchy(SECRET)));
        }
    })
    .await;
}
