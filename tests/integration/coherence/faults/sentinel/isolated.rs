//! A primary that the sentinels have replaced goes on answering the instances that are connected to it.

use super::fail_over::until_moved;
use super::*;

/// The isolated primary answers heartbeats, and none is due: only a sentinel knows.
#[tokio::test]
async fn the_watch_leaves_an_isolated_primary_without_a_heartbeat() {
    let watched = Watched::new();
    let reader = watched.instance(NO_HEARTBEAT, Tiers::Both).await;
    watched.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    let from = watched.group.primary();
    watched.group.isolate(from);
    watched.group.notice_losses();
    is_lost(&reader).await;
    assert_ne!(watched.group.primary(), from);
    assert!(reader.cache.connected(PATIENCE).await, "{:?}", reader.cache.health().await);
    assert_eq!(clients(&watched.group.servers[from]), 0, "the connections to the old primary are closed");
}

/// A reader that reaches the old primary and no sentinel sees old values for as long as that lasts.
///
/// The watch ends it when a sentinel can be reached again, by its question after the subscription: it has missed the
/// message.
#[tokio::test]
async fn without_a_sentinel_an_isolated_primary_is_used_until_one_is_back() {
    let watched = Watched::new();
    let (mut proxies, url) = watched.behind_proxies();
    let reader = watched.instance_at(&url, LEASE, Tiers::Shared).await;
    watched.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    let from = watched.group.primary();
    proxies.iter_mut().for_each(FaultProxy::cut);
    let writer = replaced_primary(&watched).await;
    writer.set(1, 20).await;
    assert_eq!(reader.get(1).await, Some(10), "the documented loss");
    proxies.iter_mut().for_each(FaultProxy::heal);
    // A late heartbeat alone makes health report a loss as well.
    until("the old primary is left", || clients(&watched.group.servers[from]) == 0).await;
    assert!(reader.cache.connected(PATIENCE).await, "{:?}", reader.cache.health().await);
    assert_eq!(reader.get(1).await, Some(20));
}

/// With `min-replicas-to-write`, the isolated primary refuses the heartbeats, and the reader goes to the store.
#[tokio::test]
async fn min_replicas_to_write_ends_the_use_of_an_isolated_primary() {
    let watched = Watched::new();
    for server in &watched.group.servers {
        server.command(&["CONFIG", "SET", "min-replicas-to-write", "1", "min-replicas-max-lag", "2"]);
    }
    let (mut proxies, url) = watched.behind_proxies();
    let reader = watched.instance_at(&url, LEASE, Tiers::Shared).await;
    watched.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    proxies.iter_mut().for_each(FaultProxy::cut);
    let writer = replaced_primary(&watched).await;
    writer.set(1, 20).await;
    is_lost(&reader).await;
    assert_eq!(reader.get(1).await, Some(20));
}

/// Isolates the primary, and waits until there is another one; returns an instance on that.
async fn replaced_primary(watched: &Watched) -> Instance {
    let from = watched.group.primary();
    watched.group.isolate(from);
    watched.group.notice_losses();
    until_moved(watched, from).await;
    watched.instance(LEASE, Tiers::Shared).await
}
