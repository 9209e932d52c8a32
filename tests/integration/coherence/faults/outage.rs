//! One outage from beginning to end, as a service and its operator see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_core::{Cache, Health, Status};

use super::super::register::{CachingRegister, Rows};
use crate::logs::Logs;

pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Heartbeats are sent at twice this rate.
const LEASE: Duration = Duration::from_millis(500);
/// Longer than a busy machine needs for an answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The expected information for the operator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported {
    /// A part of the error that health reports.
    pub(super) error: &'static str,
    /// A part of the advice in the only warning.
    pub(super) advice: &'static str,
}

/// A service with one row, and all its log lines.
struct Service {
    cache: Cache,
    store: CachingRegister<Rows>,
    rows: Arc<Rows>,
    /// Unique to each service, since several may follow one another on one server.
    key: u64,
    logs: Logs,
}

/// Causes a fault while the cache is in use, and repairs it.
pub(super) async fn begins(url: &str, fault: impl FnOnce(), mend: impl FnOnce(), reported: Reported) {
    let service = Service::new(url);
    service.works().await;
    fault();
    service.survives(mend, reported).await;
}

/// Starts a cache with an existing fault, and repairs it.
pub(super) async fn is_there(url: &str, mend: impl FnOnce(), reported: Reported) {
    Service::new(url).survives(mend, reported).await;
}

impl Service {
    fn new(url: &str) -> Self {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let logs = Logs::start();
        let builder = Cache::builder().redis(url).lease(LEASE).read_timeout(TIMEOUT).write_timeout(TIMEOUT);
        let cache = builder.build().unwrap();
        let (rows, key) = (Arc::<Rows>::default(), KEYS.fetch_add(1, Ordering::Relaxed));
        rows.seed(key, 0);
        Self { store: CachingRegister::new(Arc::clone(&rows), &cache), cache, rows, key, logs }
    }

    /// Waits until both tiers are in use: a read after a write fills again.
    async fn works(&self) {
        assert!(self.cache.connected(PATIENCE).await, "{:?}", self.cache.health().await);
        let fills = || self.cache.stats().method("Register", "get").fills;
        let before = fills();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while fills() == before {
            assert!(tokio::time::Instant::now() < deadline, "nothing is filled: {:?}", self.cache.health().await);
            self.answers().await;
        }
        assert_eq!(self.cache.health().await.status, Status::Healthy);
    }

    async fn survives(self, mend: impl FnOnce(), reported: Reported) {
        let health = self.degraded(reported).await;
        assert!(!health.shared && !health.local);
        for _ in 0..10 {
            self.answers().await;
        }
        mend();
        self.works().await;
        assert_eq!(self.cache.health().await.pending_invalidations, 0, "the writes of the outage are delivered");
        let logs = self.logs.text();
        let warnings: Vec<&str> = logs.lines().filter(|line| line.starts_with("WARN")).collect();
        assert!(matches!(warnings[..], [one] if one.contains(reported.advice)), "{reported:?}: {warnings:#?}");
        assert!(!logs.contains("secret"), "{logs}");
        self.cache.shutdown().await;
    }

    /// Waits until health reports the expected error. No caller notices, meanwhile or after.
    async fn degraded(&self, reported: Reported) -> Health {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let health = self.cache.health().await;
            if health.status == Status::Degraded
                && health.error.as_ref().is_some_and(|error| error.contains(reported.error))
            {
                return health;
            }
            assert!(tokio::time::Instant::now() < deadline, "{reported:?}: {health:?}");
            self.answers().await;
        }
    }

    /// Reads, writes, and reads the written value.
    async fn answers(&self) {
        let row = self.rows.row(self.key);
        assert_eq!(self.store.get(self.key).await, Ok(row), "no reader is affected");
        let next = row.map(|value| value + 1);
        self.store.set(self.key, next.unwrap()).await.expect("no writer is affected");
        assert_eq!(self.store.get(self.key).await, Ok(next), "it reads its own write");
        // Health and the logs depend on other tasks of this thread.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
