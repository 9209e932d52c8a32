//! Sentinels that were cut off from the others before a fail-over.

use cache_tests::{Sentinel, watched_server};

use super::*;

/// A group after a fail-over, and a sentinel that names another server, by an older configuration.
struct Partitioned {
    watched: Watched,
    stray: RedisServer,
    outdated: Sentinel,
}

impl Partitioned {
    async fn new() -> Self {
        let watched = Watched::new();
        let (stray, outdated) = (watched_server(), Sentinel::start());
        outdated.watch("service", stray.port(), 1);
        let from = watched.group.primary();
        watched.group.fail_over();
        until("there is a fail-over", || watched.group.primary() != from).await;
        Self { watched, stray, outdated }
    }
}

/// The outdated sentinel is the first of the address, and the others take a while.
#[tokio::test]
async fn the_newest_answer_counts_and_not_the_first() {
    let Partitioned { watched, stray, outdated } = Partitioned::new().await;
    let (proxies, _) = watched.behind_proxies();
    let ports: Vec<_> = proxies.iter().map(|proxy| proxy.addr().port()).collect();
    for proxy in &proxies {
        proxy.latency(cache_tests::Direction::ToClient, Duration::from_millis(10));
    }
    let url = watched.group.url_at(&[&[outdated.port()], &ports[..]].concat());
    let _instance = watched.instance_at(&url, LEASE, Tiers::Both).await;
    assert_eq!(clients(&stray), 0);
    assert!(clients(&watched.group.servers[watched.group.primary()]) > 0);
}

/// An instance that knows of the fail-over does not go back before it.
#[tokio::test]
async fn an_outdated_sentinel_alone_is_not_believed() {
    let Partitioned { watched, stray, outdated } = Partitioned::new().await;
    let (mut proxies, _) = watched.behind_proxies();
    let ports: Vec<_> = proxies.iter().map(|proxy| proxy.addr().port()).collect();
    let url = watched.group.url_at(&[&ports[..], &[outdated.port()]].concat());
    let instance = watched.instance_at(&url, LEASE, Tiers::Both).await;
    proxies.iter_mut().for_each(FaultProxy::cut);
    let primary = &watched.group.servers[watched.group.primary()];
    primary.command(&["CLIENT", "KILL", "USER", "tests"]);
    let expected = "the sentinels that answer name a primary from before the last fail-over";
    health(&instance, "it is not believed", |health| health.error.as_deref() == Some(expected)).await;
    assert_eq!(clients(&stray), 0);
    proxies.iter_mut().for_each(FaultProxy::heal);
    assert!(instance.cache.connected(PATIENCE).await, "{:?}", instance.cache.health().await);
}
