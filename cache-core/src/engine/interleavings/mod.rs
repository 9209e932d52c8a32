//! The engine under many interleavings of its steps: a row of a store, and a region that caches it.

mod connecting;
mod fence;
mod flights;
pub(super) mod frames;
mod local;
mod own_writes;
mod refresh;

use std::sync::Arc;
use std::time::Duration;

use shuttle::sync::atomic::{AtomicU64, Ordering};

use crate::cache::Cache;
use crate::config::Settings;
use crate::engine::{Region, WriteGuard, WriteOutcome};
use crate::error::Error;
use crate::policy::ReadPolicy;
use crate::protocol::{Backend, Protection, Scope};
use crate::runtime::{Clock, ManualClock, Moment};
use crate::tier::shared::MemoryRemote;

/// The key of the row.
const KEY: u64 = 1;

/// One row of a store: a version that writers raise.
#[derive(Debug, Clone)]
struct Row(Arc<AtomicU64>);

impl Row {
    fn new(version: u64) -> Self {
        Self(Arc::new(AtomicU64::new(version)))
    }

    fn load(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn store(&self, version: u64) {
        self.0.store(version, Ordering::SeqCst);
    }
}

/// A cache and a region over a row.
#[derive(Debug, Clone)]
struct Instance {
    cache: Cache,
    region: Region<u64, u64>,
    row: Row,
}

impl Instance {
    /// The only instance, with a local tier and no shared tier.
    fn single(row: &Row, without: Option<Protection>) -> Self {
        let settings = Settings { without, ..Settings::default() };
        let cache = Cache::assemble(Backend::SingleInstance, settings, clock());
        cache.0.coherence.freshness.trust_until(Moment::NEVER);
        Self::over(cache, row)
    }

    /// One of several instances that share a tier, connected to it.
    async fn of(remote: &MemoryRemote, row: &Row, without: Option<Protection>) -> Self {
        let builder = Cache::builder().remote(remote.clone()).clock(clock()).without(without);
        let instance = Self::over(builder.build().expect("a runtime"), row);
        assert!(instance.cache.connected(Duration::from_secs(1)).await, "{:?}", instance.cache);
        instance
    }

    fn over(cache: Cache, row: &Row) -> Self {
        let policy = ReadPolicy::new(Duration::from_mins(5)).local_capacity(4);
        Self { region: cache.region("ns", "e", policy), cache, row: row.clone() }
    }

    /// The same with another policy, over entries of its own.
    fn with_policy(self, change: impl FnOnce(ReadPolicy) -> ReadPolicy) -> Self {
        let policy = change(ReadPolicy::new(Duration::from_mins(5)).local_capacity(4));
        Self { region: self.cache.region("ns", "other", policy), ..self }
    }

    /// Reads through the cache.
    async fn get(&self) -> u64 {
        let row = self.row.clone();
        let got = self.region.get_or_load(&KEY, || async move { Ok::<_, Error>(row.load()) }).await;
        got.expect("the row does not fail")
    }

    /// Writes through the cache; the write is acknowledged when this returns.
    async fn set(&self, version: u64) {
        let write = WriteGuard::begin(&self.cache, vec![self.scope()], Vec::new()).await;
        self.row.store(version);
        write.finish(WriteOutcome::Written, Vec::new()).await;
    }

    fn scope(&self) -> Scope {
        self.region.scope(&&KEY)
    }
}

/// A clock that never advances: no lease ends, and nothing times out.
fn clock() -> Clock {
    ManualClock::new().into()
}
