//! Separation of databases, stores and traits that would use the same keys.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::testing::Protection;
use cache_core::{Cache, CacheBuilder, ErrorKind, MemoryRemote, Namespace, ReadPolicy, cached_store};
use cache_tests::RedisServer;

use super::register::{CachingRegister, RegisterError, Rows};
use super::sync_points::until;
use crate::logs::Logs;

const PATIENCE: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_mins(1);

/// The shared tier of several processes.
enum Shared {
    Memory(MemoryRemote),
    Redis(RedisServer),
}

impl Shared {
    fn each() -> [Self; 2] {
        [Self::Memory(MemoryRemote::new()), Self::Redis(RedisServer::start())]
    }

    /// The cache of another process.
    fn process(&self, change: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Cache {
        let builder = Cache::builder().lease(Duration::from_mins(2)).read_timeout(PATIENCE).write_timeout(PATIENCE);
        let builder = match self {
            Self::Memory(remote) => builder.remote(remote.clone()),
            Self::Redis(server) => builder.redis(server.url()),
        };
        change(builder).build().unwrap()
    }

    fn without(&self, protection: Option<Protection>) -> Cache {
        self.process(|builder| builder.without(protection))
    }

    /// The keys of the entries.
    fn entries(&self) -> Vec<String> {
        match self {
            Self::Memory(remote) => remote.keys(),
            Self::Redis(server) => self::keys(server).into_iter().filter(|key| !key.starts_with("g:")).collect(),
        }
    }
}

fn keys(server: &RedisServer) -> Vec<String> {
    server.raw(&["KEYS", "*"]).unwrap().lines().map(ToOwned::to_owned).collect()
}

fn rows(value: u64) -> Arc<Rows> {
    let rows = Rows::default();
    (1..4).for_each(|key| rows.seed(key, value));
    Arc::new(rows)
}

async fn connected(caches: &[&Cache]) {
    for cache in caches {
        assert!(cache.connected(PATIENCE).await, "the shared tier of a test does not connect");
    }
}

/// Waits for a heartbeat that is sent after this call.
async fn heartbeat(cache: &Cache) {
    let begun = Instant::now();
    until_async("a heartbeat", async || {
        cache.health().await.last_heartbeat.is_some_and(|age| age + Duration::from_millis(1) < begun.elapsed())
    })
    .await;
}

/// Waits for a state that takes an await to see.
async fn until_async(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !reached().await {
        assert!(Instant::now() < end, "{what} does not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn filled(cache: &Cache, fills: u64) {
    until("the loaded value is in the shared tier", || cache.stats().total().fills >= fills).await;
}

fn errors(cache: &Cache, kind: &str) -> u64 {
    cache.stats().total().errors.get(kind).copied().unwrap_or_default()
}

// Key prefixes.

/// Caches with different prefixes share no entry, message, epoch or heartbeat.
#[tokio::test]
async fn environments_with_different_prefixes_share_nothing() {
    for shared in Shared::each() {
        let production = shared.process(|builder| builder);
        // This test waits for heartbeats.
        let staging = shared.process(|builder| builder.key_prefix("staging").lease(Duration::from_secs(5)));
        let one = CachingRegister::new(rows(10), &production);
        let two = CachingRegister::new(rows(20), &staging);
        connected(&[&production, &staging]).await;
        assert_eq!(one.get(1).await.unwrap(), Some(10));
        filled(&production, 1).await;
        assert_eq!(two.get(1).await.unwrap(), Some(20));
        filled(&staging, 1).await;
        let mut entries = shared.entries();
        entries.sort();
        assert_eq!(entries, ["race:test:register:1", "staging:race:test:register:1"]);

        // No message: a write in one environment is not received in the other. Messages arrive in order, so that of the
        // first write would precede that of the second.
        let (written, received) = (production.invalidations_received(), staging.invalidations_received());
        one.set(1, 11).await.unwrap();
        until("the writer receives its message", || production.invalidations_received() > written).await;
        two.set(2, 22).await.unwrap();
        until("and so does the other one", || staging.invalidations_received() > received).await;
        heartbeat(&staging).await;
        assert_eq!(
            staging.invalidations_received() - received,
            production.invalidations_received() - written,
            "each receives the messages of one write"
        );
        assert_eq!(two.peek_get(1), Some(Some(20)), "local entries stay");
        assert_eq!(two.get(1).await.unwrap(), Some(20));

        // No epoch, no heartbeat.
        if let Shared::Redis(server) = &shared {
            let machinery: Vec<_> =
                keys(server).into_iter().filter(|key| !key.ends_with('}') && key.starts_with("g:")).collect();
            let of = |namespace: &str, what: &str| {
                let begin = format!("g:{{{namespace}:}}:{what}");
                machinery.iter().filter(|key| key.starts_with(&begin)).count()
            };
            for namespace in ["race", "staging:race"] {
                assert_eq!((of(namespace, "epoch"), of(namespace, "hb:")), (1, 1), "{machinery:?}");
            }
            server.raw(&["DEL", "g:{race:}:epoch"]).unwrap();
            heartbeat(&staging).await;
            assert_eq!(two.peek_get(1), Some(Some(20)));
        }
        assert_eq!(errors(&production, "method") + errors(&staging, "method"), 0);
    }
}

/// The same key text, split differently into prefix and namespace.
#[tokio::test]
async fn a_prefix_that_ends_like_a_namespace_begins_is_distinct() {
    let shared = Shared::Memory(MemoryRemote::new());
    let policy = ReadPolicy::new(MINUTE);
    let one = shared.process(|builder| builder.key_prefix("a"));
    let two = shared.process(|builder| builder.key_prefix("a:b"));
    let first = one.region::<u64, u64>("b:c", "number", policy);
    let second = two.region::<u64, u64>("c", "number", policy);
    connected(&[&one, &two]).await;
    assert_eq!(first.get_or_load(&1, || async { Ok::<_, cache_core::Error>(10) }).await.unwrap(), 10);
    filled(&one, 1).await;
    assert_eq!(second.get_or_load(&1, || async { Ok::<_, cache_core::Error>(20) }).await.unwrap(), 20);
    assert_eq!((shared.entries().len(), errors(&two, "method")), (1, 1));
}

// Partitions.

/// Two decorators with different partitions share no entry.
#[tokio::test]
async fn partitions_share_nothing() {
    for shared in Shared::each() {
        let logs = Logs::start();
        let (eu_rows, us_rows) = (rows(10), rows(20));
        let cache = shared.process(|builder| builder);
        let eu = CachingRegister::builder(Arc::clone(&eu_rows), &cache).partition("eu").build();
        let us = CachingRegister::builder(Arc::clone(&us_rows), &cache).partition("us").build();
        connected(&[&cache]).await;
        for key in 1..4 {
            assert_eq!((eu.get(key).await.unwrap(), us.get(key).await.unwrap()), (Some(10), Some(20)));
        }
        assert_eq!(eu.get_many(&[1, 2]).await.unwrap(), [(1, 10), (2, 10)].into());
        filled(&cache, 6).await;
        assert!(shared.entries().contains(&"race:test:%peu:register:1".to_owned()), "{:?}", shared.entries());

        // Another process has the same partitions, and no rows to load.
        let other = shared.process(|builder| builder);
        let elsewhere = CachingRegister::builder(Arc::new(Rows::default()), &other).partition("us").build();
        connected(&[&other]).await;
        assert_eq!(elsewhere.get(1).await.unwrap(), Some(20));
        assert_eq!(elsewhere.get_many(&[2, 3]).await.unwrap(), [(2, 20), (3, 20)].into());

        // A write invalidates the entry of its own partition only.
        eu.set(1, 11).await.unwrap();
        assert_eq!((eu.peek_get(1), us.peek_get(1)), (None, Some(Some(20))));
        eu.invalidate_all().await;
        assert_eq!((eu.peek_get(2), us.peek_get(2)), (None, Some(Some(20))));
        assert!(!logs.text().contains("two decorators of one trait"), "{}", logs.text());
    }
}

#[tokio::test]
async fn a_second_store_without_a_partition_logs_one_warning() {
    for shared in Shared::each() {
        let logs = Logs::start();
        let cache = shared.process(|builder| builder);
        let eu = CachingRegister::new(rows(10), &cache);
        let us = CachingRegister::new(rows(20), &cache);
        let again = CachingRegister::new(rows(30), &cache);
        let warnings = logs.text().matches("two decorators of one trait").count();
        assert_eq!(warnings, 1, "{}", logs.text());
        assert!(logs.text().contains(".partition(..)"), "{}", logs.text());
        connected(&[&cache]).await;
        assert_eq!(eu.get(1).await.unwrap(), Some(10));
        filled(&cache, 1).await;
        assert_eq!(us.get(1).await.unwrap(), Some(10), "the control: both decorators answer with one entry");
        drop(again);
    }
}

/// Each of two pools of one database has its own store.
#[tokio::test]
async fn two_stores_of_one_known_source_log_no_warning() {
    let logs = Logs::start();
    let cache = Shared::Memory(MemoryRemote::new()).process(|builder| builder);
    let one = CachingRegister::builder(rows(10), &cache).source(7_u128).build();
    let two = CachingRegister::builder(rows(10), &cache).source(7_u128).build();
    assert!(!logs.text().contains("two decorators of one trait"), "{}", logs.text());
    drop((one, two));
}

#[tokio::test]
async fn the_same_store_twice_or_in_sequence_logs_no_warning() {
    let logs = Logs::start();
    let cache = Shared::Memory(MemoryRemote::new()).process(|builder| builder);
    let store = rows(10);
    let one = CachingRegister::new(Arc::clone(&store), &cache);
    let two = CachingRegister::new(store, &cache);
    let clone = two.clone();
    drop((one, two, clone));
    let later = CachingRegister::new(rows(20), &cache);
    let single = Cache::single_instance();
    let _nothing_is_shared = [CachingRegister::new(rows(1), &single), CachingRegister::new(rows(2), &single)];
    assert!(!logs.text().contains("two decorators of one trait"), "{}", logs.text());
    drop(later);
}

/// A partition may be any text, and no key and no entity collides with it.
#[tokio::test]
async fn no_key_and_no_entity_reads_like_a_partition() {
    let cache = Shared::Memory(MemoryRemote::new()).process(|builder| builder);
    let policy = ReadPolicy::new(MINUTE);
    let long = "x".repeat(5_000);
    let names = ["eu", "eu:word", "", "%peu", "{}*\n", &long, &format!("{long}y")];
    let mut regions = vec![cache.region::<(String, String), usize>("race:parts", "word", policy)];
    for name in names {
        regions.push(cache.region(Namespace::new("race:parts").partition(name), "word", policy));
    }
    regions.push(cache.region("race:parts", "%peu", policy));
    connected(&[&cache]).await;
    let keys = [("word", "a"), ("%peu", "word"), ("", "eu"), (long.as_str(), "")];
    let key = |(one, two): (&str, &str)| (one.to_owned(), two.to_owned());
    for (at, region) in regions.iter().enumerate() {
        for (number, parts) in keys.into_iter().enumerate() {
            let load = move || async move { Ok::<_, cache_core::Error>(at * 10 + number) };
            assert_eq!(region.get_or_load(&key(parts), load).await.unwrap(), at * 10 + number);
        }
    }
    filled(&cache, (regions.len() * keys.len()) as u64).await;
    assert_eq!(cache.stats().total().shared_hits, 0);
}

// The identity of the source.

/// Fills an entry in one process; returns what a second one over another database reads.
async fn read_over_another_database(shared: &Shared, without: Option<Protection>) -> (Option<u64>, Cache) {
    let (one, two) = (shared.without(without), shared.without(without));
    let first = CachingRegister::builder(rows(10), &one).source(1_u128).build();
    let second = CachingRegister::builder(rows(20), &two).source(2_u128).build();
    connected(&[&one, &two]).await;
    first.get(1).await.unwrap();
    filled(&one, 1).await;
    let read = second.get(1).await.unwrap();
    let many = second.get_many(&[1]).await.unwrap();
    assert_eq!(many.get(&1).copied(), read);
    (read, two)
}

/// An entry of another database is a miss; the control reads its row.
#[tokio::test]
async fn an_entry_of_another_database_is_a_miss_and_logs_one_warning() {
    for shared in Shared::each() {
        let logs = Logs::start();
        let (read, cache) = read_over_another_database(&shared, None).await;
        assert_eq!(read, Some(20));
        assert_eq!((errors(&cache, "source"), errors(&cache, "method")), (1, 0));
        let text = logs.text();
        assert_eq!(text.matches("belongs to another database").count(), 1, "{text}");
        assert!(text.contains("CACHE_KEY_PREFIX") && text.contains("partition"), "{text}");
        assert!(text.contains("stores_identity"), "a role that may not read it has no source: {text}");
    }
    for shared in Shared::each() {
        let (read, _) = read_over_another_database(&shared, Some(Protection::Owner)).await;
        assert_eq!(read, Some(10), "without the protection");
    }
}

#[tokio::test]
async fn instances_over_one_database_share_and_an_unknown_one_does_not() {
    for shared in Shared::each() {
        let logs = Logs::start();
        let id = 0xFEDC_BA98_7654_3210_0123_4567_89AB_CDEF_u128;
        let caches = [(); 3].map(|()| shared.process(|builder| builder));
        let one = CachingRegister::builder(rows(10), &caches[0]).source(id).build();
        let two = CachingRegister::builder(Arc::new(Rows::default()), &caches[1]).source(id).build();
        let unknown = CachingRegister::new(rows(30), &caches[2]);
        connected(&[&caches[0], &caches[1], &caches[2]]).await;
        one.get(1).await.unwrap();
        filled(&caches[0], 1).await;
        assert_eq!(two.get(1).await.unwrap(), Some(10));
        assert!(!logs.text().contains("another database"), "{}", logs.text());
        assert_eq!(unknown.get(1).await.unwrap(), Some(30));
        assert_eq!(errors(&caches[2], "source"), 1);
    }
}

/// Several misses of one kind cause one warning for each cache.
#[tokio::test]
async fn there_is_one_warning_for_a_cache_and_kind() {
    let logs = Logs::start();
    let shared = Shared::Memory(MemoryRemote::new());
    let (one, two) = (shared.process(|builder| builder), shared.process(|builder| builder));
    let first = CachingRegister::builder(rows(10), &one).source(1_u128).build();
    let second = CachingRegister::builder(rows(20), &two).source(2_u128).build();
    connected(&[&one, &two]).await;
    for key in 1..4 {
        first.get(key).await.unwrap();
    }
    filled(&one, 3).await;
    for key in 1..4 {
        assert_eq!(second.get(key).await.unwrap(), Some(20));
    }
    assert_eq!(errors(&two, "source"), 3);
    assert_eq!(logs.text().matches("belongs to another database").count(), 1);
}

// Traits and methods.

#[cached_store(namespace = "race:shop")]
trait Cars: Send + Sync {
    #[cached(entity = "owner", key(id), ttl = "1m")]
    async fn car_owner(&self, id: u64) -> Result<String, RegisterError>;
}

#[cached_store(namespace = "race:shop")]
trait Houses: Send + Sync {
    #[cached(entity = "owner", key(id), ttl = "1m")]
    async fn house_owner(&self, id: u64) -> Result<String, RegisterError>;
}

/// A later version of `Cars` with a renamed method.
mod later {
    use super::{RegisterError, cached_store};

    #[cached_store(namespace = "race:shop")]
    pub(super) trait Cars: Send + Sync {
        #[cached(entity = "owner", key(id), ttl = "1m")]
        async fn owner_of_car(&self, id: u64) -> Result<String, RegisterError>;
    }
}

#[cached_store(namespace = "race")]
trait Notes: Send + Sync {
    #[cached(entity = "note", key(folder, id), ttl = "1m")]
    async fn note(&self, folder: &str, id: u64) -> Result<String, RegisterError>;
    #[invalidates(note(folder, id))]
    async fn set_note(&self, folder: &str, id: u64) -> Result<(), RegisterError>;
}

#[cached_store(namespace = "race:note")]
trait Secrets: Send + Sync {
    #[cached(entity = "secret", key(id), ttl = "1m")]
    async fn secret(&self, id: u64) -> Result<String, RegisterError>;
}

#[cached_store(namespace = "race")]
trait Ledger: Send + Sync {
    #[cached(entity = "epoch", key(), ttl = "1m")]
    async fn epoch(&self) -> Result<String, RegisterError>;
    #[cached(entity = "hb", key(id), ttl = "1m")]
    async fn row(&self, id: u64) -> Result<u64, RegisterError>;
}

/// A trait with arguments that its values do not show.
#[cached_store(namespace = "race:table")]
trait Table<T: Send + Sync + 'static, const SHARD: usize>: Send + Sync {
    #[cached(entity = "count", key(id), ttl = "1m")]
    async fn count(&self, id: u64) -> Result<u64, RegisterError>;
}

struct Words;

impl Cars for Words {
    async fn car_owner(&self, id: u64) -> Result<String, RegisterError> {
        Ok(format!("owner of car {id}"))
    }
}

impl later::Cars for Words {
    async fn owner_of_car(&self, id: u64) -> Result<String, RegisterError> {
        Ok(format!("owner of car {id}, as of later"))
    }
}

impl Houses for Words {
    async fn house_owner(&self, id: u64) -> Result<String, RegisterError> {
        Ok(format!("owner of house {id}"))
    }
}

impl Notes for Words {
    async fn note(&self, folder: &str, id: u64) -> Result<String, RegisterError> {
        Ok(format!("note {id} in {folder}"))
    }
    async fn set_note(&self, _: &str, _: u64) -> Result<(), RegisterError> {
        Ok(())
    }
}

impl Secrets for Words {
    async fn secret(&self, id: u64) -> Result<String, RegisterError> {
        Ok(format!("SECRET {id}"))
    }
}

impl Ledger for Words {
    async fn epoch(&self) -> Result<String, RegisterError> {
        Ok("2026".to_owned())
    }
    async fn row(&self, id: u64) -> Result<u64, RegisterError> {
        Ok(id)
    }
}

impl<T: Send + Sync + 'static, const SHARD: usize> Table<T, SHARD> for Words {
    async fn count(&self, id: u64) -> Result<u64, RegisterError> {
        Ok(id * 100 + SHARD as u64 * 10 + std::mem::size_of::<T>() as u64)
    }
}

fn words() -> Arc<Words> {
    Arc::new(Words)
}

/// Reads a car's owner; returns what another process reads as a house's owner.
async fn house_after_car(shared: &Shared, without: Option<Protection>) -> (String, Cache) {
    let (one, two) = (shared.without(without), shared.without(without));
    let cars = CachingCars::new(words(), &one);
    let houses = CachingHouses::new(words(), &two);
    connected(&[&one, &two]).await;
    cars.car_owner(7).await.unwrap();
    filled(&one, 1).await;
    (houses.house_owner(7).await.unwrap(), two)
}

/// An entry of another trait is a miss; the control returns the wrong owner.
#[tokio::test]
async fn an_entry_of_another_trait_is_a_miss_and_logs_one_warning() {
    for shared in Shared::each() {
        let logs = Logs::start();
        let (read, cache) = house_after_car(&shared, None).await;
        assert_eq!((read.as_str(), errors(&cache, "method")), ("owner of house 7", 1));
        let text = logs.text();
        assert_eq!(text.matches("belongs to another trait or method").count(), 1, "{text}");
        assert!(text.contains("CACHE_KEY_PREFIX") && text.contains("partition"), "{text}");
    }
    for shared in Shared::each() {
        assert_eq!(
            house_after_car(&shared, Some(Protection::Owner)).await.0,
            "owner of car 7",
            "without the protection"
        );
    }
}

#[tokio::test]
async fn a_renamed_method_reads_no_entry_of_its_old_name() {
    for shared in Shared::each() {
        let (one, two) = (shared.process(|builder| builder), shared.process(|builder| builder));
        let (old, new) = (CachingCars::new(words(), &one), later::CachingCars::new(words(), &two));
        connected(&[&one, &two]).await;
        old.car_owner(7).await.unwrap();
        filled(&one, 1).await;
        assert_eq!(new.owner_of_car(7).await.unwrap(), "owner of car 7, as of later");
        assert_eq!(errors(&two, "method"), 1);
    }
}

/// A key part that names another trait's entity does not read its entries.
#[tokio::test]
async fn a_key_part_cannot_name_the_entity_of_another_trait() {
    for shared in Shared::each() {
        let cache = shared.process(|builder| builder);
        let notes = CachingNotes::new(words(), &cache);
        let secrets = CachingSecrets::new(words(), &cache);
        connected(&[&cache]).await;
        assert_eq!(secrets.secret(7).await.unwrap(), "SECRET 7");
        assert_eq!(notes.note("secret", 8).await.unwrap(), "note 8 in secret");
        filled(&cache, 2).await;
        assert_eq!(notes.note("secret", 7).await.unwrap(), "note 7 in secret");
        assert_eq!(secrets.secret(8).await.unwrap(), "SECRET 8");
        assert_eq!((cache.stats().total().shared_hits, errors(&cache, "method")), (0, 2));
        // The scopes still collide: a write of the note also invalidates the secret's entry.
        notes.set_note("secret", 7).await.unwrap();
        assert_eq!(secrets.secret(7).await.unwrap(), "SECRET 7");
    }
}

/// Entities named like an epoch or heartbeat key do not collide with these keys.
#[tokio::test]
async fn an_entity_with_the_name_of_a_machinery_key_is_an_entity() {
    let shared = Shared::Redis(RedisServer::start());
    let (one, two) = (shared.process(|builder| builder), shared.process(|builder| builder));
    let (first, second) = (CachingLedger::new(words(), &one), CachingLedger::new(words(), &two));
    connected(&[&one, &two]).await;
    assert_eq!((first.epoch().await.unwrap().as_str(), first.row(1).await.unwrap()), ("2026", 1));
    filled(&one, 2).await;
    assert_eq!((second.epoch().await.unwrap().as_str(), second.row(1).await.unwrap()), ("2026", 1));
    let stats = two.stats().total();
    assert_eq!((stats.shared_hits, stats.loads), (2, 0));
    let Shared::Redis(server) = &shared else { unreachable!() };
    let epoch = server.raw(&["GET", "g:{race:}:epoch"]).unwrap();
    assert!(!epoch.is_empty() && server.raw(&["STRLEN", "race:epoch"]).unwrap() != "0");
}

#[tokio::test]
async fn the_arguments_of_a_trait_keep_its_entries_apart() {
    for shared in Shared::each() {
        let logs = Logs::start();
        let cache = shared.process(|builder| builder);
        let store = words();
        let bytes = CachingTable::<Words, u8, 1>::new(Arc::clone(&store), &cache);
        let shorts = CachingTable::<Words, u16, 1>::new(Arc::clone(&store), &cache);
        let shard = CachingTable::<Words, u8, 2>::new(store, &cache);
        connected(&[&cache]).await;
        assert_eq!(bytes.count(1).await.unwrap(), 111);
        filled(&cache, 1).await;
        assert_eq!(shorts.count(1).await.unwrap(), 112);
        filled(&cache, 2).await;
        assert_eq!(shard.count(1).await.unwrap(), 121);
        assert_eq!(errors(&cache, "method"), 2);
        // The two cannot share entries: one warning gives the remedy, before the first look-up.
        let text = logs.text();
        assert_eq!(text.matches("with different type arguments").count(), 1, "{text}");
        assert!(text.contains("partition") && !text.contains("CACHE_KEY_PREFIX"), "{text}");
        let apart = |name: &str| CachingTable::<Words, u8, 1>::builder(words(), &cache).partition(name).build();
        drop((apart("u8"), apart("u16")));
        assert_eq!(logs.text().matches("two decorators").count(), 1, "{}", logs.text());
    }
}

// Names within one cache.

/// A second trait with the namespace and entity of another one cannot be built.
#[tokio::test]
async fn the_names_of_another_trait_are_refused() {
    let cache = Cache::single_instance();
    let cars = CachingCars::new(words(), &cache);
    let error = CachingHouses::builder(words(), &cache).try_build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    for part in ["::Houses::house_owner`", "::Cars::car_owner`", "`owner`", "`race:shop`", "partition"] {
        assert!(text.contains(part), "{text}");
    }
    let same_name = later::CachingCars::builder(words(), &cache).try_build().unwrap_err().to_string();
    assert!(same_name.contains("::later::Cars::owner_of_car`"), "{same_name}");
    // The names are free in a partition, in another cache, and after the first decorator is dropped.
    drop(CachingHouses::builder(words(), &cache).partition("houses").try_build().unwrap());
    drop(CachingHouses::new(words(), &Cache::pass_through()));
    let clone = cars.clone();
    drop(cars);
    CachingHouses::builder(words(), &cache).try_build().unwrap_err();
    drop(clone);
    CachingHouses::builder(words(), &cache).try_build().unwrap();
}

fn panic_of(build: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(build)).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[tokio::test]
async fn new_and_build_panic_with_the_message_of_try_build() {
    let cache = Cache::single_instance();
    let _cars = CachingCars::new(words(), &cache);
    let message = CachingHouses::builder(words(), &cache).try_build().unwrap_err().to_string();
    assert_eq!(panic_of(|| drop(CachingHouses::new(words(), &cache))), message);
    assert_eq!(panic_of(|| drop(CachingHouses::builder(words(), &cache).build())), message);
}

/// A region, an ad-hoc cache and a decorator with one name exclude each other.
#[tokio::test]
async fn regions_and_ad_hoc_caches_follow_the_same_rule() {
    let cache = Shared::Memory(MemoryRemote::new()).process(|builder| builder);
    let policy = ReadPolicy::new(MINUTE);
    let cars = CachingCars::new(words(), &cache);
    let taken = cache.try_region::<u64, String>("race:shop", "owner", policy).unwrap_err().to_string();
    assert!(taken.contains("`Namespace::new(..).partition(..)`"), "{taken}");
    cache.try_transparent::<String>("race:shop", "owner").unwrap_err();
    assert!(panic_of(|| drop(cache.region::<u64, String>("race:shop", "owner", policy))).contains("Region"));
    assert!(panic_of(|| drop(cache.transparent::<String>("race:shop", "owner"))).contains("TransparentCache"));
    let there = Namespace::new("race:shop").partition("manual");
    let region = cache.region::<u64, String>(there.clone(), "owner", policy);
    let again = cache.region::<u64, String>(there.clone(), "owner", policy);
    cache.try_region::<u32, String>(there.clone(), "owner", policy).unwrap_err();
    cache.try_region::<u64, u64>(there.clone(), "owner", policy).unwrap_err();
    cache.try_transparent::<String>(there.clone(), "owner").unwrap_err();
    drop((region, again));
    let ad_hoc = cache.transparent::<String>(there.clone(), "owner");
    CachingHouses::builder(words(), &cache).try_build().unwrap_err();
    drop((cars, ad_hoc));
    drop(CachingHouses::builder(words(), &cache).try_build().unwrap());
    cache.try_region::<u64, u64>(there, "owner", policy).unwrap();
}

/// An ad-hoc cache does not read the entries of another process's region.
#[tokio::test]
async fn an_ad_hoc_cache_reads_no_entry_of_a_region_elsewhere() {
    for shared in Shared::each() {
        let (one, two) = (shared.process(|builder| builder), shared.process(|builder| builder));
        let region = one.region::<String, String>("race:hand", "word", ReadPolicy::new(MINUTE));
        let ad_hoc = two.transparent::<String>("race:hand", "word");
        connected(&[&one, &two]).await;
        region
            .get_or_load(&"1".to_owned(), || async { Ok::<_, cache_core::Error>("loaded".to_owned()) })
            .await
            .unwrap();
        filled(&one, 1).await;
        assert_eq!(ad_hoc.get("1").await, None);
        assert_eq!(errors(&two, "method"), 1);
        ad_hoc.set("1", "set".to_owned(), MINUTE).await;
        assert_eq!(ad_hoc.get("1").await.as_deref(), Some("set"));
    }
}
