//! Connections to Redis: addresses, users, encryption, permissions, incoming messages, and Redis over HTTP.

mod addresses;
mod bus;
mod closing;
pub(super) mod encryption;
mod permissions;
mod rest;

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, CacheBuilder, MethodStats, Status};

use super::register::{CachingRegister, Rows};
use super::sync_points::until;

const PATIENCE: Duration = Duration::from_secs(20);

/// An instance of a service with one row in its store.
struct Instance {
    cache: Cache,
    store: CachingRegister<Rows>,
}

impl Instance {
    /// Builds an instance without waiting for its connection; its lease outlasts every test.
    fn new(builder: CacheBuilder, rows: &Arc<Rows>) -> Self {
        let cache = builder.lease(Duration::from_mins(2)).read_timeout(PATIENCE).build().unwrap();
        Self { store: CachingRegister::new(Arc::clone(rows), &cache), cache }
    }

    async fn connected(builder: CacheBuilder, rows: &Arc<Rows>) -> Self {
        let instance = Self::new(builder, rows);
        assert!(instance.cache.connected(PATIENCE).await, "{:?}", instance.cache.health().await);
        instance
    }

    fn stats(&self) -> MethodStats {
        self.cache.stats().method("Register", "get")
    }

    /// Waits until health reports an error, and checks that no reader notices.
    async fn degraded(&self) -> String {
        let health = loop {
            let health = self.cache.health().await;
            if health.status == Status::Degraded {
                break health;
            }
            tokio::task::yield_now().await;
        };
        assert!(!health.shared && !health.local);
        assert_eq!(self.store.get(1).await, Ok(Some(10)), "no reader is affected");
        health.error.expect("a degraded cache reports its error")
    }
}

fn one_row() -> Arc<Rows> {
    let rows = Arc::<Rows>::default();
    rows.seed(1, 10);
    rows
}

/// Checks that two instances over these addresses share hits and invalidations.
async fn check(addresses: [CacheBuilder; 2]) {
    let rows = one_row();
    let [writing, reading] = addresses;
    let writer = Instance::connected(writing, &rows).await;
    let reader = Instance::connected(reading, &rows).await;
    assert_eq!(writer.store.get(1).await, Ok(Some(10)));
    until("the value is in the shared tier", || writer.stats().fills == 1).await;
    assert_eq!(reader.store.get(1).await, Ok(Some(10)));
    assert_eq!((reader.stats().shared_hits, reader.stats().loads), (1, 0));
    assert_eq!(reader.store.peek_get(1), Some(Some(10)));
    writer.store.set(1, 20).await.unwrap();
    until("the invalidation is received", || reader.store.peek_get(1).is_none()).await;
    assert_eq!(reader.store.get(1).await, Ok(Some(20)));
    for instance in [writer, reader] {
        instance.cache.shutdown().await;
    }
}
