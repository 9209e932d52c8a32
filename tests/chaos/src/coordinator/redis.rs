//! A Redis with a replica, and a proxy before each worker and before the replica.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cache_tests::{FaultProxy, RedisServer};

use super::server_faults::BUSY_AFTER;

/// Synchronises a replica at once, and enables the faults `DEBUG SLEEP` and busy script.
const ARGUMENTS: [&str; 6] =
    ["--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes", "--busy-reply-threshold", BUSY_AFTER];
/// How long to wait for a replica before its promotion.
const TO_SYNC: Duration = Duration::from_secs(3);

/// The Redis of the workers.
pub(super) struct Redis {
    pub(super) primary: RedisServer,
    replica: RedisServer,
    /// Between the primary and its replica.
    replication: FaultProxy,
    /// One for each place.
    pub(super) proxies: Vec<FaultProxy>,
}

impl Redis {
    pub(super) fn start(places: usize) -> Self {
        let (primary, replica) = (RedisServer::start_with(&ARGUMENTS), RedisServer::start_with(&ARGUMENTS));
        let replication = FaultProxy::start(addr(&primary));
        let proxies = (0..places).map(|_| FaultProxy::start(addr(&primary))).collect();
        let redis = Self { primary, replica, replication, proxies };
        redis.follow();
        redis
    }

    /// The address of a place's proxy.
    pub(super) fn url(&self, place: usize) -> String {
        self.proxies[place].url_like(&self.primary.url())
    }

    /// Promotes the replica, without the writes of the last `lag`.
    pub(super) fn fail_over(&mut self, lag: Duration) {
        self.wait_for_replica();
        self.replication.half_open(cache_tests::Direction::Both);
        sleep(lag);
        // The old primary dies first: the promises do not cover two primaries at a time.
        self.primary.kill();
        self.replica.command(&["REPLICAOF", "NO", "ONE"]);
        std::mem::swap(&mut self.primary, &mut self.replica);
        for proxy in &self.proxies {
            proxy.set_upstream(addr(&self.primary));
            proxy.drop_connections();
        }
    }

    /// Restarts the old primary, empty, as the replica of the new one.
    pub(super) fn replace_replica(&mut self) {
        self.replica.restart();
        self.replication.set_upstream(addr(&self.primary));
        self.replication.drop_connections();
        self.replication.heal();
        self.follow();
    }

    /// Deletes random keys of any kind.
    pub(super) fn evict(&self, lasts: Duration) {
        let deadline = Instant::now() + lasts;
        while Instant::now() < deadline {
            // An empty server has none.
            if let Some(key) = self.primary.raw(&["RANDOMKEY"]).ok().filter(|key| key != "(nil)") {
                self.primary.command(&["DEL", &key]);
            }
        }
    }

    /// Refuses writes for a while, for lack of memory or of replicas.
    pub(super) fn refuse(&self, lasts: Duration, memory: bool) {
        let (setting, refused, usual) =
            if memory { ("maxmemory", "1", "0") } else { ("min-replicas-to-write", "9", "0") };
        self.primary.command(&["CONFIG", "SET", setting, refused]);
        sleep(lasts);
        self.primary.command(&["CONFIG", "SET", setting, usual]);
    }

    fn follow(&self) {
        let port = self.replication.addr().port().to_string();
        self.replica.command(&["REPLICAOF", "127.0.0.1", &port]);
    }

    fn wait_for_replica(&self) {
        let deadline = Instant::now() + TO_SYNC;
        let is_up = || {
            let info = self.replica.raw(&["INFO", "replication"]);
            info.is_ok_and(|info| info.contains("master_link_status:up"))
        };
        while !is_up() && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
        }
    }
}

fn addr(server: &RedisServer) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, server.port()).into()
}
