//! Connections by way of a sentinel, and how they end.

use cache_core::Cache;
use cache_tests::{Sentinel, documented_sentinel_rules, sentinel_url, watched_server};

use super::super::super::register::CachingRegister;
use super::super::super::world::World;
use super::*;

const NAME: &str = "service";

#[tokio::test]
async fn two_instances_behind_a_sentinel_share_entries_and_invalidations() {
    let world = World::sentinel(None);
    let (one, other) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    assert_eq!(one.get(1).await, Some(10));
    until("the value is in the shared tier", || one.stats().fills == 1).await;
    assert_eq!(other.get(1).await, Some(10));
    assert_eq!((other.stats().shared_hits, world.rows.loads()), (1, 1));
    assert_eq!(other.store.peek_get(1), Some(Some(10)));
    one.set(1, 20).await;
    until("the invalidation is received", || other.store.peek_get(1).is_none()).await;
    assert_eq!(other.get(1).await, Some(20));
}

#[tokio::test]
async fn a_reset_connection_is_made_again() {
    let world = World::sentinel(None);
    let server = world.tier.servers().unwrap();
    let instance = world.instance().await;
    for kind in ["normal", "pubsub"] {
        server.raw(&["CLIENT", "KILL", "TYPE", kind]).unwrap();
        is_back(&instance).await;
    }
}

/// The sentinel has not noticed that its primary is a replica: no heartbeat is answered, and no new connection is made.
#[tokio::test]
async fn a_primary_that_became_a_replica_is_left_and_not_taken_again() {
    let world = World::sentinel(None);
    let server = world.tier.servers().unwrap();
    let other = watched_server();
    let instance = world.instance_with_lease(LEASE).await;
    server.raw(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]).unwrap();
    let expected = "the server that the sentinels name is not a primary";
    health(&instance, "the replica is refused", |health| !health.shared && health.error.as_deref() == Some(expected))
        .await;
    world.rows.seed(1, 10);
    assert_eq!(instance.get(1).await, Some(10), "no reader notices");
    server.raw(&["REPLICAOF", "NO", "ONE"]).unwrap();
    assert!(instance.cache.connected(PATIENCE).await);
}

/// A connection to each sentinel belongs to the connection to the primary, and ends with it.
#[tokio::test]
async fn the_watch_ends_with_its_connection() {
    let (server, sentinel) = (watched_server(), Sentinel::start());
    sentinel.watch(NAME, server.port(), 1);
    let rows = Arc::default();
    let instance = connected(&sentinel_url(NAME, &[sentinel.port()]), &rows, None, NO_HEARTBEAT, Tiers::Both).await;
    until("the sentinel is watched", || watches(&sentinel) == 1).await;
    for _ in 0..3 {
        server.command(&["CLIENT", "KILL", "USER", "tests"]);
        is_back(&instance).await;
    }
    until("one watch is left", || watches(&sentinel) == 1).await;
    instance.cache.shutdown().await;
    until("none is left", || watches(&sentinel) == 0).await;
}

#[tokio::test]
async fn no_command_is_refused_by_a_sentinel() {
    let (server, sentinel) = (watched_server(), Sentinel::start());
    sentinel.watch(NAME, server.port(), 1);
    let rows = Arc::default();
    let _instance = connected(&sentinel_url(NAME, &[sentinel.port()]), &rows, None, NO_HEARTBEAT, Tiers::Both).await;
    until("the sentinel is watched", || subscribers(&sentinel) == 1).await;
    assert_eq!(sentinel.raw(&["ACL", "LOG"]).unwrap(), "");
    assert_eq!(server.raw(&["ACL", "LOG"]).unwrap(), "");
}

#[tokio::test]
async fn every_right_on_a_sentinel_is_needed() {
    let rights = documented_sentinel_rules();
    let rights: Vec<_> = rights.iter().filter(|rule| rule.starts_with(['+', '&'])).collect();
    assert_eq!(rights.len(), 4, "{rights:?}");
    for right in rights {
        let (server, sentinel) = (watched_server(), Sentinel::start());
        sentinel.watch(NAME, server.port(), 1);
        let revoked = right.strip_prefix('+').map_or("resetchannels".to_owned(), |command| format!("-{command}"));
        sentinel.command(&["ACL", "SETUSER", "tests", &revoked]);
        let cache = Cache::builder().redis(sentinel_url(NAME, &[sentinel.port()])).build().unwrap();
        let _store = CachingRegister::new(Arc::new(Rows::default()), &cache);
        until("something is refused", || !sentinel.raw(&["ACL", "LOG"]).unwrap().is_empty()).await;
    }
}

/// The number of connections of instances that are subscribed.
fn subscribers(sentinel: &Sentinel) -> usize {
    let list = sentinel.raw(&["CLIENT", "LIST"]).unwrap();
    list.lines().filter(|line| line.contains("user=tests") && line.contains(" sub=1 ")).count()
}
