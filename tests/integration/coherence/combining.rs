//! Look-ups that wait at the same time share commands, and nothing else.

use std::pin::Pin;
use std::time::Duration;

use cache_core::{Cache, Error, ReadPolicy, Region};
use cache_tests::RedisServer;
use futures_util::future::join_all;
use futures_util::poll;

use super::sync_points::until;

const PATIENCE: Duration = Duration::from_secs(20);
/// Few enough for one command, once the size of the entries is known.
const KEYS: u64 = 64;

/// Readers of two methods over one connection to a server that has every value.
struct Readers {
    server: RedisServer,
    cache: Cache,
    squares: Region<u64, u64>,
    texts: Region<u64, String>,
}

impl Readers {
    async fn new() -> Self {
        Self::with_limit(1024 * 1024).await
    }

    async fn with_limit(max_entry: usize) -> Self {
        let server = RedisServer::start();
        let cache = Cache::builder().redis(server.url()).read_timeout(PATIENCE).max_entry_bytes(max_entry);
        let cache = cache.lease(Duration::from_mins(2)).build().unwrap();
        let policy = ReadPolicy::new(Duration::from_mins(10)).local_off();
        let squares = cache.region("race:combining", "square", policy);
        let texts = cache.region("race:combining", "text", policy);
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        let readers = Self { server, cache, squares, texts };
        for key in 0..KEYS {
            readers.squares.get_or_load(&key, move || async move { Ok::<_, Error>(key * key) }).await.unwrap();
            readers
                .texts
                .get_or_load(&key, move || async move { Ok::<_, Error>(format!("text {key}")) })
                .await
                .unwrap();
        }
        until("every value is in the shared tier", || readers.stats().fills == 2 * KEYS).await;
        // Both methods know the size of their entries then.
        readers.read(0).await;
        readers
    }

    fn stats(&self) -> cache_core::MethodStats {
        self.cache.stats().total()
    }

    fn loads(&self) -> u64 {
        self.stats().loads
    }

    /// Reads both values of a key, which must be hits.
    async fn read(&self, key: u64) {
        let before = self.loads();
        let square = self.squares.get_or_load(&key, || async { Ok::<_, Error>(u64::MAX) }).await;
        let text = self.texts.get_or_load(&key, || async { Ok::<_, Error>(String::new()) }).await;
        assert_eq!((square.unwrap(), text.unwrap()), (key * key, format!("text {key}")));
        assert_eq!(self.loads(), before, "key {key} was no hit");
    }

    /// How many commands of a kind the server has executed.
    fn commands(&self, name: &str) -> u64 {
        let all = self.server.raw(&["INFO", "commandstats"]).unwrap();
        let line = all.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
        line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    }
}

#[tokio::test]
async fn a_lone_look_up_is_one_command() {
    let readers = Readers::new().await;
    let before = readers.commands("mget");
    for key in 0..8 {
        readers.read(key).await;
    }
    assert_eq!(readers.commands("mget") - before, 16);
    assert_eq!(readers.commands("getrange"), 0);
}

/// All wait before the connection can send the first command.
#[tokio::test]
async fn look_ups_of_all_methods_share_commands() {
    let readers = Readers::new().await;
    let before = readers.commands("mget");
    join_all((0..KEYS).map(|key| readers.read(key))).await;
    let commands = readers.commands("mget") - before;
    assert!(commands < KEYS / 4, "{commands} commands for {} look-ups", 2 * KEYS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_caller_gets_its_own_value() {
    let readers = std::sync::Arc::new(Readers::new().await);
    let callers = (0..4 * KEYS).map(|caller| {
        let readers = std::sync::Arc::clone(&readers);
        tokio::spawn(async move {
            for step in 0..50 {
                readers.read((caller + 7 * step) % KEYS).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

/// The first callers send their own commands, the last ones are queued.
#[tokio::test]
async fn a_dropped_caller_neither_loses_nor_delays_others() {
    let readers = Readers::new().await;
    for dropped in [0, 1, 2, KEYS - 1] {
        for polls in 1..8 {
            let mut reads: Vec<Pin<Box<dyn Future<Output = ()>>>> =
                (0..KEYS).map(|key| Box::pin(readers.read(key)) as _).collect();
            for read in &mut reads {
                assert!(poll!(read).is_pending());
            }
            let mut read = reads.remove(usize::try_from(dropped).unwrap());
            for _ in 1..polls {
                tokio::task::yield_now().await;
                if poll!(&mut read).is_ready() {
                    break;
                }
            }
            drop(read);
            join_all(reads).await;
        }
    }
}

/// A caller that is not polled holds its turn. The others must not need it.
#[tokio::test]
async fn callers_that_are_not_polled_delay_no_other() {
    let readers = Readers::new().await;
    let mut idle: Vec<_> = (0..8).map(|key| Box::pin(readers.read(key))).collect();
    for read in &mut idle {
        assert!(poll!(read).is_pending());
    }
    for round in 0..3 {
        join_all((8..KEYS).map(|key| readers.read((key + round) % (KEYS - 8) + 8))).await;
    }
    join_all(idle).await;
}

/// The server refuses a command if the user may not read one of its keys.
#[tokio::test]
async fn a_refused_key_fails_only_its_own_look_up() {
    let readers = Readers::new().await;
    readers.server.change_rights(&["resetkeys", "~g:*", "~race:combining:square:*"]);
    let refused = readers.texts.get_or_load(&1, || async { Ok::<_, Error>("loaded".to_owned()) });
    let keys: Vec<u64> = (0..KEYS).collect();
    let reads = keys.iter().map(|key| readers.squares.get_or_load(key, || async { Ok::<_, Error>(u64::MAX) }));
    let (squares, text) = tokio::join!(join_all(reads), refused);
    assert_eq!(text.unwrap(), "loaded");
    let squares: Vec<_> = squares.into_iter().map(Result::unwrap).collect();
    assert_eq!(squares, (0..KEYS).map(|key| key * key).collect::<Vec<_>>());
}

/// What is too large is received once, and then only up to the limit.
#[tokio::test]
async fn a_value_that_is_too_large_is_received_once() {
    const LIMIT: usize = 10_000;
    let readers = Readers::with_limit(LIMIT).await;
    let text =
        |value: &'static str| readers.texts.get_or_load(&1, move || async move { Ok::<_, Error>(value.to_owned()) });
    let good = text("").await.unwrap();
    let huge = "x".repeat(100 * LIMIT);
    for read in 0..3 {
        readers.server.raw(&["SET", "race:combining:text:1", &huge]).unwrap();
        let (received, fills) = (readers.stats().bytes_read, readers.stats().fills);
        assert_eq!(text("loaded").await.unwrap(), "loaded");
        let expected = if read == 0 { huge.len() } else { LIMIT + 1 };
        assert_eq!(readers.stats().bytes_read - received, expected as u64, "read {read}");
        until("it is replaced", || readers.stats().fills > fills).await;
    }
    assert_eq!(readers.stats().errors["too_large"], 3);
    let limited = readers.commands("getrange");
    assert_eq!((limited, text("").await.unwrap()), (2, "loaded".to_owned()), "{good}");
    text("").await.unwrap();
    assert_eq!(readers.commands("getrange"), limited + 1, "an acceptable value ends the limit");
}
