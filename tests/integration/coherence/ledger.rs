//! A store whose results name the targets of its writes: accounts with consecutive numbers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cache_core::cached_store;

use super::register::{RegisterError, Stop};
use super::sync_points::SyncPoint;

/// The result of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) id: u64,
}

#[cached_store(namespace = "race:pending")]
#[async_trait]
pub(super) trait Ledger: Send + Sync {
    /// The balance of an account.
    #[cached(entity = "account", key(id), ttl = "10m", negative_ttl = "10m")]
    async fn account(&self, id: u64) -> Result<Option<u64>, RegisterError>;

    /// The number of accounts of a branch.
    #[cached(entity = "branch", key(branch), ttl = "10m")]
    async fn branch(&self, branch: u64) -> Result<u64, RegisterError>;

    /// Opens the account with the next number.
    #[invalidates(account(result.id))]
    async fn open(&self, balance: u64) -> Result<Opened, RegisterError>;

    /// Opens an account in a branch, which also changes the number of its accounts.
    #[invalidates(branch(branch), account(result.id))]
    async fn open_in(&self, branch: u64, balance: u64) -> Result<Opened, RegisterError>;
}

/// The source of truth.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    rows: Mutex<HashMap<u64, u64>>,
    stops: Mutex<HashMap<Stop, Arc<SyncPoint>>>,
    loads: AtomicU64,
}

impl Accounts {
    /// Stops the next call that reaches this point.
    pub(super) fn stop_next(&self, stop: Stop) -> Arc<SyncPoint> {
        let point = Arc::new(SyncPoint::new());
        self.stops.lock().unwrap().insert(stop, Arc::clone(&point));
        point
    }

    pub(super) fn row(&self, id: u64) -> Option<u64> {
        self.rows.lock().unwrap().get(&id).copied()
    }

    /// The number that the next account will have.
    pub(super) fn next(&self) -> u64 {
        self.rows.lock().unwrap().len() as u64 + 1
    }

    /// The number of reads that reached the store.
    pub(super) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    /// Opens an account without the cache.
    pub(super) async fn open_past_the_cache(accounts: &Self, balance: u64) {
        accounts.commit(balance).await.unwrap();
    }

    async fn pass(&self, stop: Stop) {
        // A test may drop the caller here too.
        tokio::task::yield_now().await;
        let point = self.stops.lock().unwrap().remove(&stop);
        if let Some(point) = point {
            point.pass().await;
        }
    }

    async fn commit(&self, balance: u64) -> Result<Opened, RegisterError> {
        if balance == u64::MAX {
            return Err(RegisterError::Refused);
        }
        self.pass(Stop::BeforeCommit).await;
        let id = {
            let mut rows = self.rows.lock().unwrap();
            let id = rows.len() as u64 + 1;
            rows.insert(id, balance);
            id
        };
        self.pass(Stop::AfterCommit).await;
        Ok(Opened { id })
    }
}

#[async_trait]
impl Ledger for Accounts {
    async fn account(&self, id: u64) -> Result<Option<u64>, RegisterError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Ok(self.row(id))
    }

    async fn branch(&self, _: u64) -> Result<u64, RegisterError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Ok(self.rows.lock().unwrap().len() as u64)
    }

    async fn open(&self, balance: u64) -> Result<Opened, RegisterError> {
        self.commit(balance).await
    }

    async fn open_in(&self, _: u64, balance: u64) -> Result<Opened, RegisterError> {
        self.commit(balance).await
    }
}
