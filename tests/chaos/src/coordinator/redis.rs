//! A Redis with a replica, and a proxy before each worker and before the replica.

use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cache_chaos::history::FaultKind;
use cache_chaos::schedule::Planned;
use cache_tests::{Direction, FaultProxy, RedisServer};

use super::server_faults::{self, BUSY_AFTER};
use super::servers::{Servers, addr, disturb};

/// Synchronises a replica at once, and enables the faults `DEBUG SLEEP` and busy script.
const ARGUMENTS: [&str; 6] =
    ["--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes", "--busy-reply-threshold", BUSY_AFTER];
/// How long to wait for a replica before its promotion.
const TO_SYNC: Duration = Duration::from_secs(3);

/// The Redis of the workers.
pub(super) struct Redis {
    primary: RedisServer,
    replica: RedisServer,
    /// Between the primary and its replica.
    replication: FaultProxy,
    /// One for each place.
    proxies: Vec<FaultProxy>,
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

    /// Promotes the replica, without the writes of the last `lag`.
    fn fail_over(&mut self, lag: Duration) {
        self.wait_for_replica();
        self.replication.half_open(Direction::Both);
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
    fn replace_replica(&mut self) {
        self.replica.restart();
        self.replication.set_upstream(addr(&self.primary));
        self.replication.drop_connections();
        self.replication.heal();
        self.follow();
    }

    /// Changes the rights of the processes' user for `lasts`.
    fn change_rights(&self, lasts: Duration, rules: &str) {
        self.primary.change_rights(&[rules]);
        sleep(lasts);
        self.primary.restore_rights();
    }

    /// Switches the processes' user off for `lasts`, and kills its connections.
    fn switch_user_off(&self, lasts: Duration) {
        self.primary.switch_user_off();
        sleep(lasts);
        self.primary.restore_rights();
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

impl Servers for Redis {
    /// The address of the place's proxy.
    fn url(&self, place: usize) -> String {
        self.proxies[place].url_like(&self.primary.url())
    }

    fn prepare(&mut self, fault: &Planned) {
        if fault.kind == FaultKind::OlderDump {
            server_faults::save(&self.primary);
        }
    }

    fn act(&mut self, fault: &Planned) {
        let (lasts, draw, primary) = (fault.lasts, fault.draw, &mut self.primary);
        if let Some(rules) = server_faults::revoked(fault.kind, draw) {
            return self.change_rights(lasts, rules);
        }
        match fault.kind {
            FaultKind::RedisKill => server_faults::kill(primary, lasts, false),
            FaultKind::OlderDump => server_faults::kill(primary, lasts, true),
            FaultKind::RedisStop => server_faults::stop(primary, lasts),
            FaultKind::Flush => primary.command(&["FLUSHALL"]),
            FaultKind::Evict => server_faults::evict(&[primary], lasts),
            FaultKind::Refuse => server_faults::refuse(primary, lasts, draw.is_multiple_of(2)),
            FaultKind::Failover => self.fail_over(lasts / 2),
            FaultKind::ClientPause => server_faults::pause_clients(primary, lasts),
            FaultKind::DebugSleep => server_faults::sleep_inside(primary, lasts),
            FaultKind::UserOff => self.switch_user_off(lasts),
            FaultKind::BusyScript => server_faults::run_busy_script(primary, lasts),
            FaultKind::Demoted => server_faults::demote(primary, lasts),
            kind => unreachable!("{kind} is no fault of a single server"),
        }
    }

    fn recover(&mut self, fault: &Planned) {
        if fault.kind == FaultKind::Failover {
            self.replace_replica();
        }
    }

    fn disturb(&mut self, places: Range<usize>, kind: FaultKind, draw: u64) {
        for proxy in &mut self.proxies[places] {
            disturb(proxy, kind, draw);
        }
    }

    fn heal(&mut self) {
        for proxy in &mut self.proxies {
            proxy.heal();
        }
    }
}
