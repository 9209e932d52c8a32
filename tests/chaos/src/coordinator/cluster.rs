//! A Redis Cluster of three shards with a replica each, and a proxy before each server.
//!
//! The servers announce the addresses of the proxies. The workers share these, and each place has a password of its own,
//! by which a proxy knows its connections.
//!
//! A replica takes over only during a fault that asks for it, so that a busy machine causes no other fail-over. After
//! it, the old primary is started again: the protocol excludes a fail-over back to a process that was not restarted.

use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cache_chaos::history::FaultKind;
use cache_chaos::schedule::Planned;
use cache_tests::{RedisCluster, RedisServer};

use super::server_faults::{self, BUSY_AFTER};
use super::servers::{Servers, disturb};

const SHARDS: usize = 3;
/// The beginning of the password of each place.
const PASSWORD: &str = "place";
const ARGUMENTS: [&str; 12] = [
    "--repl-diskless-sync-delay",
    "0",
    "--enable-debug-command",
    "yes",
    "--busy-reply-threshold",
    BUSY_AFTER,
    "--cluster-replica-no-failover",
    "yes",
    // A replica takes over however long its link was down.
    "--cluster-replica-validity-factor",
    "0",
    // The other shards go on without one.
    "--cluster-require-full-coverage",
    "no",
];
/// The keys whose slots move: of entries, which have their generations with them, of read methods, of a tag's clock and
/// of the namespace.
const MOVED: [&str; 10] = [
    "race:chaos:safe:0:0",
    "g:{race:chaos:safe:*}",
    "g:{race:}:members",
    "race:chaos:fast:0:0",
    "race:chaos:aging:0:0",
    "g:{race:chaos:fast:*}",
    "race:chaos:tagged:0:0",
    "race:chaos:strict:0:0",
    "g:{race:chaos:tagged:*}",
    "race:chaos:safe:1:0",
];
/// How long each step of a move takes: the slot is announced, its keys move, it has a new owner.
const STEP: Duration = Duration::from_millis(100);
/// The least number of moves.
const MOVES: usize = 3;

/// The cluster of the workers.
pub(super) struct Cluster {
    servers: RedisCluster,
    /// By shard.
    primaries: [usize; SHARDS],
    replicas: [usize; SHARDS],
    passwords: Vec<String>,
}

impl Cluster {
    pub(super) fn start(places: usize) -> Self {
        let servers = RedisCluster::start_behind_proxies(SHARDS, SHARDS, &ARGUMENTS);
        let passwords = (0..places).map(|place| format!("{PASSWORD}{place}.")).collect();
        let (primaries, replicas) = ([0, 1, 2], [3, 4, 5]);
        let cluster = Self { servers, primaries, replicas, passwords };
        for server in 0..2 * SHARDS {
            cluster.restore_rights(server);
        }
        cluster.wait_for_replicas();
        cluster
    }

    fn restore_rights(&self, server: usize) {
        let passwords: Vec<&str> = self.passwords.iter().map(String::as_str).collect();
        self.servers.restore_rights(server, &passwords);
    }

    fn wait_for_replicas(&self) {
        for replica in self.replicas {
            self.servers.wait_for_replica(replica);
        }
        self.servers.wait_until_settled();
    }

    fn primary(&self, shard: usize) -> &RedisServer {
        &self.servers.servers()[self.primaries[shard]]
    }

    fn primary_mut(&mut self, shard: usize) -> &mut RedisServer {
        self.servers.server_mut(self.primaries[shard])
    }

    fn replica(&self, shard: usize) -> &RedisServer {
        &self.servers.servers()[self.replicas[shard]]
    }

    /// Kills a primary and restarts it before its replica may take over.
    fn restart(&mut self, shard: usize, lasts: Duration, keeps_dump: bool) {
        server_faults::kill(self.primary_mut(shard), lasts, keeps_dump);
        self.restore_rights(self.primaries[shard]);
        self.servers.wait_until_served(self.primaries[shard]);
    }

    /// Changes the rights of the processes' user on one server for `lasts`.
    fn change_rights(&self, shard: usize, lasts: Duration, rules: &str) {
        self.primary(shard).change_rights(&[rules]);
        sleep(lasts);
        self.restore_rights(self.primaries[shard]);
    }

    fn switch_user_off(&self, shard: usize, lasts: Duration) {
        self.primary(shard).switch_user_off();
        sleep(lasts);
        self.restore_rights(self.primaries[shard]);
    }

    /// Kills a primary. Its replica takes over without the writes of the last `lag`.
    fn kill_primary(&mut self, shard: usize, lag: Duration) {
        if lag > Duration::ZERO {
            // The replica cannot authenticate itself, and tries again each second.
            self.replica(shard).command(&["CONFIG", "SET", "masterauth", "wrong"]);
            self.primary(shard).command(&["CLIENT", "KILL", "TYPE", "replica"]);
            sleep(lag);
        }
        self.allow_takeover(shard, true);
        self.primary_mut(shard).kill();
        self.servers.wait_for_primary(self.replicas[shard]);
        self.replica(shard).command(&["CONFIG", "SET", "masterauth", ""]);
        self.taken_over(shard);
    }

    /// Stops a primary until its replica has taken over, and at least for `lasts`.
    fn stop_primary(&mut self, shard: usize, lasts: Duration) {
        let begun = Instant::now();
        self.allow_takeover(shard, true);
        self.primary_mut(shard).pause();
        self.servers.wait_for_primary(self.replicas[shard]);
        sleep(lasts.saturating_sub(begun.elapsed()));
        self.primary_mut(shard).resume();
        self.servers.wait_for_demotion(self.primaries[shard]);
        self.taken_over(shard);
    }

    fn take_over(&mut self, shard: usize) {
        self.replica(shard).command(&["CLUSTER", "FAILOVER"]);
        self.servers.wait_for_primary(self.replicas[shard]);
        self.servers.wait_for_demotion(self.primaries[shard]);
        self.taken_over(shard);
    }

    fn allow_takeover(&self, shard: usize, allowed: bool) {
        let forbids = if allowed { "no" } else { "yes" };
        self.replica(shard).command(&["CONFIG", "SET", "cluster-replica-no-failover", forbids]);
    }

    fn taken_over(&mut self, shard: usize) {
        self.allow_takeover(shard, false);
        std::mem::swap(&mut self.primaries[shard], &mut self.replicas[shard]);
    }

    /// Moves one slot after the other, each with its keys, until `lasts` has passed.
    fn move_slots(&self, lasts: Duration, first: usize) {
        let begun = Instant::now();
        for number in 0.. {
            if number >= MOVES && begun.elapsed() >= lasts {
                return;
            }
            self.move_slot(MOVED[(first + number) % MOVED.len()]);
        }
    }

    fn move_slot(&self, key: &str) {
        let owner = self.servers.owner(key);
        let shard = self.primaries.iter().position(|primary| *primary == owner).expect("a primary has the slot");
        let to = self.primaries[(shard + 1) % SHARDS];
        let from = self.servers.begin_to_move(key, to);
        sleep(STEP);
        self.servers.move_keys(key, from, to);
        sleep(STEP);
        self.servers.finish_to_move(key, from, to);
        sleep(STEP);
    }
}

/// The shard of a fault, by other digits than those that choose anything else.
fn shard(draw: u64) -> usize {
    usize::try_from((draw >> 16) % SHARDS as u64).unwrap_or(0)
}

/// How long the replica of a killed primary lags: in half of the cases not at all.
fn lag(fault: &Planned) -> Duration {
    if fault.draw.is_multiple_of(2) { fault.lasts } else { Duration::ZERO }
}

impl Servers for Cluster {
    fn url(&self, place: usize) -> String {
        self.servers.url_with(&self.passwords[place])
    }

    fn prepare(&mut self, fault: &Planned) {
        if fault.kind == FaultKind::OlderDump {
            server_faults::save(self.primary(shard(fault.draw)));
        }
    }

    fn act(&mut self, fault: &Planned) {
        let (lasts, draw, shard) = (fault.lasts, fault.draw, shard(fault.draw));
        if let Some(rules) = server_faults::revoked(fault.kind, draw) {
            return self.change_rights(shard, lasts, rules);
        }
        let primaries: Vec<_> = (0..SHARDS).map(|shard| self.primary(shard)).collect();
        match fault.kind {
            FaultKind::Flush => primaries.iter().for_each(|primary| primary.command(&["FLUSHALL"])),
            FaultKind::Evict => server_faults::evict(&primaries, lasts),
            FaultKind::Refuse => server_faults::refuse(primaries[shard], lasts, draw.is_multiple_of(2)),
            FaultKind::ClientPause => server_faults::pause_clients(primaries[shard], lasts),
            FaultKind::DebugSleep => server_faults::sleep_inside(primaries[shard], lasts),
            FaultKind::BusyScript => server_faults::run_busy_script(primaries[shard], lasts),
            FaultKind::UserOff => self.switch_user_off(shard, lasts),
            FaultKind::SlotMove => self.move_slots(lasts, usize::try_from(draw % 97).unwrap_or(0)),
            FaultKind::RedisKill => self.restart(shard, lasts, false),
            FaultKind::OlderDump => self.restart(shard, lasts, true),
            FaultKind::RedisStop => server_faults::stop(self.primary_mut(shard), lasts),
            FaultKind::PrimaryKill => self.kill_primary(shard, lag(fault)),
            FaultKind::PrimaryStop => self.stop_primary(shard, lasts),
            FaultKind::Takeover => self.take_over(shard),
            kind => unreachable!("{kind} is no fault of a cluster's servers"),
        }
    }

    fn recover(&mut self, fault: &Planned) {
        if fault.kind.replaces_a_primary() {
            let old = self.replicas[shard(fault.draw)];
            self.servers.server_mut(old).restart();
            self.restore_rights(old);
        }
        if fault.kind.is_of_the_server() {
            self.wait_for_replicas();
        }
    }

    fn disturb(&mut self, places: Range<usize>, kind: FaultKind, draw: u64) {
        let passwords = if places.len() == 1 { self.passwords[places.start].clone() } else { PASSWORD.to_owned() };
        let (kind, servers) = match kind {
            FaultKind::ShardCut => {
                let shard = shard(draw);
                let kind = if draw.is_multiple_of(2) { FaultKind::Cut } else { FaultKind::HalfOpen };
                (kind, vec![self.primaries[shard], self.replicas[shard]])
            }
            kind => (kind, (0..2 * SHARDS).collect()),
        };
        for server in servers {
            let proxy = self.servers.proxy_mut(server);
            proxy.only(&passwords);
            // The last bit has chosen the kind for a shard.
            disturb(proxy, kind, draw >> 1);
        }
    }

    fn heal(&mut self) {
        for server in 0..2 * SHARDS {
            self.servers.proxy_mut(server).heal();
        }
    }
}
