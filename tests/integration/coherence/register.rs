//! The store of these tests: numbers by number, with sync points for the tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cache_core::{LoadError, WriteError, cached_store};

use super::sync_points::SyncPoint;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RegisterError {
    Refused,
    Lost,
    Cache(String),
}

impl From<cache_core::Error> for RegisterError {
    fn from(error: cache_core::Error) -> Self {
        Self::Cache(error.to_string())
    }
}

impl LoadError for RegisterError {
    fn is_outage(&self) -> bool {
        *self == Self::Lost
    }
}

impl WriteError for RegisterError {
    fn not_written(&self) -> bool {
        *self == Self::Refused
    }
}

/// Numbers by number.
#[cached_store(namespace = "race:test")]
#[async_trait]
pub(super) trait Register: Send + Sync {
    /// The number under a key.
    #[cached(entity = "register", key(key), ttl = "10m", negative_ttl = "10m")]
    async fn get(&self, key: u64) -> Result<Option<u64>, RegisterError>;

    /// The numbers under many keys.
    #[cached(batch = get)]
    async fn get_many(&self, keys: &[u64]) -> Result<BTreeMap<u64, u64>, RegisterError>;

    /// Sets the number.
    #[invalidates(get(key))]
    async fn set(&self, key: u64, value: u64) -> Result<(), RegisterError>;

    /// Sets the number, stores it in the cache, and returns it.
    #[updates(get(key) = Some(*result))]
    async fn put(&self, key: u64, value: u64) -> Result<u64, RegisterError>;

    /// Deletes the number.
    #[invalidates(get(key))]
    async fn delete(&self, key: u64) -> Result<(), RegisterError>;

    /// The number under a text key in a group.
    #[cached(entity = "text", key(group, text), ttl = "10m")]
    async fn text(&self, group: &str, text: &str) -> Result<String, RegisterError>;

    /// Invalidates the texts of a group.
    #[invalidates(text(group, ..))]
    async fn touch(&self, group: &str) -> Result<(), RegisterError>;
}

/// The number after whose commit a `put` reports a lost connection.
pub(super) const LOST: u64 = 1_000_000;

/// A point where a call of the store can stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stop {
    /// A read has its answer and has not returned it.
    AfterRead,
    /// A write has not been applied.
    BeforeCommit,
    /// A write has been applied and has not returned.
    AfterCommit,
}

/// The source of truth.
#[derive(Debug, Default)]
pub(super) struct Rows {
    table: Mutex<HashMap<u64, u64>>,
    stops: Mutex<HashMap<Stop, Arc<SyncPoint>>>,
    loads: AtomicU64,
    batches: Mutex<Vec<Vec<u64>>>,
    touched: AtomicU64,
    /// Whether the next read panics.
    pub(super) panics: AtomicBool,
    /// Whether reads fail.
    pub(super) fails: AtomicBool,
    /// Whether reads are refused.
    pub(super) refuses: AtomicBool,
}

impl Rows {
    /// Stops the next call that reaches this point.
    pub(super) fn stop_next(&self, stop: Stop) -> Arc<SyncPoint> {
        let point = Arc::new(SyncPoint::new());
        self.stops.lock().unwrap().insert(stop, Arc::clone(&point));
        point
    }

    pub(super) fn row(&self, key: u64) -> Option<u64> {
        self.table.lock().unwrap().get(&key).copied()
    }

    /// The number of reads that reached the store.
    pub(super) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    /// The keys of each batch that reached the store.
    pub(super) fn batches(&self) -> Vec<Vec<u64>> {
        self.batches.lock().unwrap().clone()
    }

    /// Writes without the cache.
    pub(super) fn seed(&self, key: u64, value: u64) {
        self.table.lock().unwrap().insert(key, value);
    }

    /// Deletes without the cache.
    pub(super) fn remove(&self, key: u64) {
        self.table.lock().unwrap().remove(&key);
    }

    fn answer<T>(&self, rows: T) -> Result<T, RegisterError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(RegisterError::Lost);
        }
        if self.refuses.load(Ordering::SeqCst) { Err(RegisterError::Refused) } else { Ok(rows) }
    }

    async fn pass(&self, stop: Stop) {
        let point = self.stops.lock().unwrap().remove(&stop);
        if let Some(point) = point {
            point.pass().await;
        }
    }

    async fn commit(&self, apply: impl FnOnce(&mut HashMap<u64, u64>)) {
        self.pass(Stop::BeforeCommit).await;
        apply(&mut self.table.lock().unwrap());
        self.pass(Stop::AfterCommit).await;
    }
}

#[async_trait]
impl Register for Rows {
    async fn get(&self, key: u64) -> Result<Option<u64>, RegisterError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let row = self.row(key);
        self.pass(Stop::AfterRead).await;
        assert!(!self.panics.swap(false, Ordering::SeqCst), "the store panics on command");
        self.answer(row)
    }

    async fn get_many(&self, keys: &[u64]) -> Result<BTreeMap<u64, u64>, RegisterError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.batches.lock().unwrap().push(keys.to_vec());
        let rows = keys.iter().filter_map(|key| Some((*key, self.row(*key)?))).collect();
        self.pass(Stop::AfterRead).await;
        assert!(!self.panics.swap(false, Ordering::SeqCst), "the store panics on command");
        self.answer(rows)
    }

    async fn set(&self, key: u64, value: u64) -> Result<(), RegisterError> {
        if value == u64::MAX {
            return Err(RegisterError::Refused);
        }
        self.commit(|rows| {
            rows.insert(key, value);
        })
        .await;
        Ok(())
    }

    async fn put(&self, key: u64, value: u64) -> Result<u64, RegisterError> {
        self.set(key, value).await?;
        if value == LOST { Err(RegisterError::Lost) } else { Ok(value) }
    }

    async fn delete(&self, key: u64) -> Result<(), RegisterError> {
        self.commit(|rows| {
            rows.remove(&key);
        })
        .await;
        Ok(())
    }

    async fn text(&self, group: &str, text: &str) -> Result<String, RegisterError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Ok(format!("{}/{group}/{text}", self.touched.load(Ordering::SeqCst)))
    }

    async fn touch(&self, _: &str) -> Result<(), RegisterError> {
        self.touched.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
