//! Large values: Redis does not close the connection that they arrive on, and what is late because of them is not held against
//! the server.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cache_core::{Cache, CacheBuilder, Status, cached_store};
use cache_tests::RedisServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::gate::until;

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

/// Has a text of one length for every number.
struct Origin {
    length: usize,
    loads: AtomicU64,
}

#[async_trait]
impl Texts for Origin {
    async fn text(&self, _: u64) -> Result<String, Failure> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Ok("x".repeat(self.length))
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

/// Forwards to a server, and to the client only so many bytes in each millisecond.
async fn throttle(upstream: SocketAddr, bytes: usize) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(upstream).await.unwrap();
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; bytes * 10];
                let mut turns = tokio::time::interval(Duration::from_millis(10));
                loop {
                    match from_server.read(&mut buffer).await {
                        Ok(count) if count > 0 && to_client.write_all(&buffer[..count]).await.is_ok() => {}
                        _ => return,
                    }
                    turns.tick().await;
                }
            });
        }
    });
    addr
}

/// A value that takes longer than the read timeout: it is waited for as long as it arrives, up to four times the timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_value_that_is_arriving_is_not_a_timeout() {
    const LENGTH: usize = 1_000_000;
    let server = RedisServer::start();
    fill(&server, 1, LENGTH).await;
    // A second for one value.
    let slow = throttle((Ipv4Addr::LOCALHOST, server.port()).into(), 1_000).await;
    let url = server.url().replace(&format!(":{}", server.port()), &format!(":{}", slow.port()));

    let patient = Cache::builder().redis(&url).read_timeout(Duration::from_millis(600));
    let reader = Instance::new(patient, LENGTH).await;
    assert_eq!(reader.store.text(0).await.unwrap().len(), LENGTH);
    assert_eq!(reader.loads(), 0, "it was a hit");
    reader.cache.shutdown().await;

    // Four times this is less than a value takes. The breaker would open at the fifth timeout.
    let hasty = Cache::builder().redis(&url).read_timeout(Duration::from_millis(150)).lease(Duration::from_secs(5));
    let reader = Instance::new(hasty, LENGTH).await;
    for read in 1..=8 {
        assert_eq!(reader.store.text(0).await.unwrap().len(), LENGTH);
        assert_eq!(reader.loads(), read, "the store answers");
    }
    let health = reader.cache.health().await;
    assert!(!health.breaker_open && health.status == Status::Healthy, "{health:?}");
}
