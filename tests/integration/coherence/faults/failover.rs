//! R22 and R23: another server takes over while the old one is still running.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::{Operation, Protection};
use cache_tests::{FaultProxy, RedisServer};

use super::super::register::{Rows, Stop};
use super::super::sync_points::until;
use super::super::world::Instance;
use super::behind_proxy::{PATIENCE, Tiers, addr, connected, health, is_back};

/// Longer than a busy machine delays the heartbeats, which are sent at twice this rate.
const LEASE: Duration = Duration::from_secs(2);
const ENTRY: &str = "race:test:register:1";
const TOKENS: [&str; 2] = ["g:{race:test:register:1}", "g:{race:test:register:*}"];

/// A primary, a replica of it, and a proxy that leads to the primary.
struct Pair {
    rows: Arc<Rows>,
    primary: RedisServer,
    replica: RedisServer,
    proxy: FaultProxy,
    without: Option<Protection>,
}

impl Pair {
    fn new(without: Option<Protection>) -> Self {
        let (primary, replica) = (RedisServer::start(), RedisServer::start());
        replicate(&replica, primary.port());
        let proxy = FaultProxy::start(addr(&primary));
        Self { rows: Arc::default(), primary, replica, proxy, without }
    }

    /// An instance that connects to the current primary.
    async fn instance(&self) -> Instance {
        self.instance_of(&self.proxy.url_like(&self.primary.url())).await
    }

    async fn instance_of(&self, url: &str) -> Instance {
        connected(url, &self.rows, self.without, LEASE, Tiers::Both).await
    }

    /// Waits until the replica has the primary's values of these keys.
    async fn has_replicated(&self, keys: &[&str]) {
        let on = |server: &RedisServer, key: &str| server.raw(&["GET", key]).unwrap();
        let same = |key: &&str| on(&self.primary, key) != "(nil)" && on(&self.primary, key) == on(&self.replica, key);
        until("the replica has it", || keys.iter().all(same)).await;
    }

    /// Stops replication: the replica keeps its data and receives no changes.
    fn fall_behind(&self) {
        replicate(&self.replica, 1);
    }

    fn fail_over(&mut self) {
        self.primary.kill();
        promote(&self.replica);
        self.proxy.set_upstream(addr(&self.replica));
    }
}

fn replicate(server: &RedisServer, of: u16) {
    assert_eq!(server.raw(&["REPLICAOF", "127.0.0.1", &of.to_string()]).unwrap(), "OK");
}

fn promote(server: &RedisServer) {
    assert_eq!(server.raw(&["REPLICAOF", "NO", "ONE"]).unwrap(), "OK");
}

/// Promotes a replica that has an entry and its generations, but not the following write.
///
/// Returns what a reader sees after the failover.
async fn revived(without: Option<Protection>) -> Option<u64> {
    let mut pair = Pair::new(without);
    let (reader, writer) = (pair.instance().await, pair.instance().await);
    pair.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    pair.has_replicated(&[ENTRY, TOKENS[0], TOKENS[1]]).await;
    pair.fall_behind();
    writer.set(1, 20).await;
    pair.fail_over();
    is_back(&reader).await;
    let (old, new) = (pair.replica.raw(&["EXISTS", ENTRY]), pair.replica.raw(&["EXISTS", TOKENS[0]]));
    assert_eq!((old.unwrap().as_str(), new.unwrap().as_str()), ("1", "1"), "the old entry and its token are there");
    reader.get(1).await
}

#[tokio::test]
async fn r22_an_entry_revived_by_a_lagging_replica_is_no_hit() {
    assert_eq!(revived(None).await, Some(20));
    assert_eq!(revived(Some(Protection::ServerEpoch)).await, Some(10), "the control must see the stale value");
}

/// Completes a load that began before a write and a failover.
///
/// Returns what another reader sees then.
async fn filled_after_a_fail_over(without: Option<Protection>) -> Option<u64> {
    let mut pair = Pair::new(without);
    let (reader, writer) = (pair.instance().await, pair.instance().await);
    let other = pair.instance().await;
    pair.rows.seed(1, 10);
    let point = pair.rows.stop_next(Stop::AfterRead);
    let load = reader.spawn_get(1);
    point.reached().await;
    pair.has_replicated(&TOKENS).await;
    pair.fall_behind();
    writer.set(1, 20).await;
    pair.fail_over();
    is_back(&reader).await;
    assert!(other.cache.connected(PATIENCE).await, "it has lost the connection together with the reader");
    point.open();
    assert_eq!(load.await.unwrap(), Some(10), "it began before the write");
    let ended = || reader.stats().fills + reader.stats().errors.values().sum::<u64>();
    until("the fill has ended, well or badly", || ended() > 0).await;
    other.get(1).await
}

#[tokio::test]
async fn r22_an_entry_has_the_epoch_in_which_its_load_began() {
    assert_eq!(filled_after_a_fail_over(None).await, Some(20));
    assert_eq!(
        filled_after_a_fail_over(Some(Protection::LoadEpoch)).await,
        Some(10),
        "the control must see the stale value"
    );
}

/// Promotes another primary while one instance still reads from the old one, now a replica.
///
/// Returns what that instance reads more than a lease after a write elsewhere. With `beats_write`, a heartbeat is a
/// write.
async fn demoted(beats_write: bool) -> Option<u64> {
    let pair = Pair::new(None);
    let reader = pair.instance_of(&pair.primary.url()).await;
    pair.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    pair.has_replicated(&[ENTRY, TOKENS[0], TOKENS[1]]).await;
    if !beats_write {
        reader.chaos.answer_heartbeats();
    }
    promote(&pair.replica);
    replicate(&pair.primary, 1);
    pair.proxy.set_upstream(addr(&pair.replica));
    let writer = pair.instance().await;
    writer.set(1, 20).await;
    if beats_write {
        health(&reader, "neither tier is used", |health| !health.shared && !health.local).await;
    } else {
        let heartbeats = reader.chaos.begun(Operation::Heartbeat);
        until("more than a lease has passed", || reader.chaos.begun(Operation::Heartbeat) > heartbeats + 4).await;
    }
    reader.get(1).await
}

#[tokio::test]
async fn r23_a_demoted_primary_is_not_read_from() {
    assert_eq!(demoted(true).await, Some(20));
    assert_eq!(demoted(false).await, Some(10), "the control, heartbeats that write nothing, must see the stale value");
}
