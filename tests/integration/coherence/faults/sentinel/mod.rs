//! Servers that sentinels watch: fail-overs, outdated sentinels, and primaries that are cut off.

mod connections;
mod encryption;
mod errors;
mod fail_over;
mod figures;
mod isolated;
mod partitions;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use cache_tests::{FaultProxy, RedisServer, Sentinel, SentinelGroup};

use super::super::register::Rows;
use super::super::sync_points::until;
use super::super::world::Instance;
use super::behind_proxy::{PATIENCE, Tiers, connected, health, is_back, is_lost};

/// Longer than a busy machine delays the heartbeats, which are sent at twice this rate.
const LEASE: Duration = Duration::from_secs(2);
/// A lease that no test outlasts: what happens within it happens without a heartbeat.
const NO_HEARTBEAT: Duration = Duration::from_mins(10);

/// A store, and servers that sentinels watch.
struct Watched {
    rows: Arc<Rows>,
    group: SentinelGroup,
}

impl Watched {
    fn new() -> Self {
        Self { rows: Arc::default(), group: SentinelGroup::start() }
    }

    async fn instance(&self, lease: Duration, tiers: Tiers) -> Instance {
        self.instance_at(&self.group.url(), lease, tiers).await
    }

    async fn instance_at(&self, url: &str, lease: Duration, tiers: Tiers) -> Instance {
        connected(url, &self.rows, None, lease, tiers).await
    }

    /// A proxy in front of each sentinel, and the address that leads through them.
    fn behind_proxies(&self) -> (Vec<FaultProxy>, String) {
        let proxy = |sentinel: &Sentinel| FaultProxy::start((Ipv4Addr::LOCALHOST, sentinel.port()));
        let proxies: Vec<_> = self.group.sentinels.iter().map(proxy).collect();
        let ports: Vec<_> = proxies.iter().map(|proxy| proxy.addr().port()).collect();
        let url = self.group.url_at(&ports);
        (proxies, url)
    }
}

/// The number of connections that instances have to this server.
fn clients(server: &RedisServer) -> usize {
    let list = server.raw(&["CLIENT", "LIST"]).unwrap();
    list.lines().filter(|line| line.contains("user=tests")).count()
}

/// The number of connections that instances have to this sentinel.
fn watches(sentinel: &Sentinel) -> usize {
    let list = sentinel.raw(&["CLIENT", "LIST"]).unwrap();
    list.lines().filter(|line| line.contains("user=tests")).count()
}
