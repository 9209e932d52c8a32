//! Large values neither close the connection to Redis nor cause timeouts that count as errors.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cache_core::{Cache, CacheBuilder, Status, cached_store};
use cache_tests::RedisServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::sync_points::until;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
struct Failure;

/// Texts by number.
#[cached_store(namespace = "race:large")]
#[async_trait]
trait Texts: Send + Sync {
    #[cached(entity = "text", key(id), ttl = "10m", local = off)]
    async fn text(&self, id: u64) -> Result<String, Failure>;

    #[cached(batch = text)]
    async fn texts(&self, ids: &[u64]) -> Result<HashMap<u64, String>, Failure>;
}

/// The number of a text that is longer than the others.
const HUGE: u64 = 1_000;
const HUGE_LENGTH: usize = 30_000_000;

/// Returns a text of one length for every other number.
struct Origin {
    length: usize,
    loads: AtomicU64,
}

#[async_trait]
impl Texts for Origin {
    async fn text(&self, id: u64) -> Result<String, Failure> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Ok("x".repeat(if id == HUGE { HUGE_LENGTH } else { self.length }))
    }

    async fn texts(&self, ids: &[u64]) -> Result<HashMap<u64, String>, Failure> {
        self.loads.fetch_add(ids.len() as u64, Ordering::SeqCst);
        Ok(ids.iter().map(|id| (*id, "x".repeat(self.length))).collect())
    }
}

struct Instance {
    cache: Cache,
    store: Arc<CachingTexts<Origin>>,
    origin: Arc<Origin>,
}

impl Instance {
    async fn new(builder: CacheBuilder, length: usize) -> Self {
        let cache = builder.build().unwrap();
        let origin = Arc::new(Origin { length, loads: AtomicU64::new(0) });
        let store = Arc::new(CachingTexts::new(Arc::clone(&origin), &cache));
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
        Self { cache, store, origin }
    }

    fn loads(&self) -> u64 {
        self.origin.loads.load(Ordering::SeqCst)
    }
}

/// Puts that many texts into the shared tier.
async fn fill(server: &RedisServer, count: u64, length: usize) {
    let builder = Cache::builder().redis(server.url()).read_timeout(PATIENCE).write_timeout(PATIENCE);
    let filler = Instance::new(builder, length).await;
    let ids: Vec<u64> = (0..count).collect();
    for ids in ids.chunks(50) {
        filler.store.texts(ids).await.unwrap();
    }
    let fills = || filler.cache.stats().method("Texts", "text").fills;
    until("every text is in the shared tier", || fills() == count).await;
    filler.cache.shutdown().await;
}

fn connections(server: &RedisServer) -> Vec<String> {
    let list = server.raw(&["CLIENT", "LIST"]).unwrap();
    let ours = list.lines().filter(|line| line.contains("user=tests"));
    ours.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// Redis closes a subscribed connection when 32 MB of replies wait on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_at_once_do_not_close_a_connection() {
    const COUNT: u64 = 500;
    for arguments in [&[][..], &["--rename-command", "HELLO", ""]] {
        let server = RedisServer::start_with(arguments);
        fill(&server, COUNT, 100_000).await;
        let builder = || Cache::builder().redis(server.url()).read_timeout(PATIENCE);

        let reader = Instance::new(builder(), 100_000).await;
        let before = connections(&server);
        let ids: Vec<u64> = (0..COUNT).collect();
        for _ in 0..2 {
            assert_eq!(reader.store.texts(&ids).await.unwrap().len(), ids.len());
        }
        assert_eq!(reader.loads(), 0, "a batch is a hit");

        let reads = (0..COUNT).map(|id| {
            let store = Arc::clone(&reader.store);
            tokio::spawn(async move { store.text(id).await.unwrap() })
        });
        for read in reads.collect::<Vec<_>>() {
            assert_eq!(read.await.unwrap().len(), 100_000);
        }
        assert_eq!(reader.loads(), 0, "so is each of many reads at once");
        assert_eq!(connections(&server), before, "no connection was closed");
    }
}

/// Forwards to a server, with limits on the request and reply bytes per millisecond.
async fn throttle(upstream: SocketAddr, [requests, replies]: [usize; 2]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(upstream).await.unwrap();
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::spawn(forward(from_client, to_server, requests));
            tokio::spawn(forward(from_server, to_client, replies));
        }
    });
    addr
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, bytes: usize) {
    let mut buffer = vec![0; bytes * 10];
    let mut turns = tokio::time::interval(Duration::from_millis(10));
    loop {
        match from.read(&mut buffer).await {
            Ok(count) if count > 0 && to.write_all(&buffer[..count]).await.is_ok() => {}
            _ => return,
        }
        turns.tick().await;
    }
}

/// No effective limit.
const UNLIMITED: usize = 1_000_000;

/// A value that is still arriving may exceed the read timeout, up to four times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receiving_a_large_value_does_not_time_out() {
    const LENGTH: usize = 1_000_000;
    let server = RedisServer::start();
    fill(&server, 1, LENGTH).await;
    // A second for one value.
    let slow = throttle((Ipv4Addr::LOCALHOST, server.port()).into(), [UNLIMITED, 1_000]).await;
    let url = server.url().replace(&format!(":{}", server.port()), &format!(":{}", slow.port()));

    let patient = Cache::builder().redis(&url).read_timeout(Duration::from_millis(600));
    let reader = Instance::new(patient, LENGTH).await;
    assert_eq!(reader.store.text(0).await.unwrap().len(), LENGTH);
    assert_eq!(reader.loads(), 0, "it was a hit");
    reader.cache.shutdown().await;

    // Four times this is less than a value takes. The circuit would open at the fifth timeout.
    let hasty = Cache::builder().redis(&url).read_timeout(Duration::from_millis(150)).lease(Duration::from_secs(5));
    let reader = Instance::new(hasty, LENGTH).await;
    for read in 1..=8 {
        assert_eq!(reader.store.text(0).await.unwrap().len(), LENGTH);
        assert_eq!(reader.loads(), read, "the store answers");
    }
    let health = reader.cache.health().await;
    assert!(!health.breaker_open && health.status == Status::Healthy, "{health:?}");
}

/// A large write delays the reads behind it for seconds, and the circuit stays closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sending_a_large_value_does_not_time_out() {
    let server = RedisServer::start();
    fill(&server, 1, 100).await;
    // Six seconds for the huge text.
    let slow = throttle((Ipv4Addr::LOCALHOST, server.port()).into(), [5_000, UNLIMITED]).await;
    let url = server.url().replace(&format!(":{}", server.port()), &format!(":{}", slow.port()));
    let builder = Cache::builder().redis(&url).max_entry_bytes(2 * HUGE_LENGTH).lease(Duration::from_secs(10));
    let sender = Instance::new(builder.read_timeout(Duration::from_millis(100)), 100).await;
    assert_eq!(sender.store.text(0).await.unwrap().len(), 100);
    assert_eq!(sender.store.text(HUGE).await.unwrap().len(), HUGE_LENGTH, "its fill is on its way");
    let before = sender.loads();
    while sender.loads() == before {
        sender.store.text(0).await.unwrap();
    }
    for _ in 0..8 {
        sender.store.text(0).await.unwrap();
    }
    assert!(sender.loads() >= before + 6, "reads behind the fill are late");
    let health = sender.cache.health().await;
    assert!(!health.breaker_open, "{health}");
}
