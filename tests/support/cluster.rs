//! A private Redis Cluster.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::acl::{self, PASSWORD, USER};
use crate::ports::free_port;
use crate::proxy::FaultProxy;
use crate::redis::RedisServer;

/// The number of slots of a cluster.
const SLOTS: usize = 16_384;
/// How long a server may be silent before the others consider it failed.
const NODE_TIMEOUT: &str = "1000";
const POLL: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_mins(1);
/// The clusters that no test uses at the moment. Each takes two seconds to start, since a primary waits that long.
static POOL: Mutex<Vec<RedisCluster>> = Mutex::new(Vec::new());

/// A private Redis Cluster of several servers. Dropping it ends them.
#[derive(Debug)]
pub struct RedisCluster {
    /// The primaries first, then the replicas.
    servers: Vec<RedisServer>,
    /// Those whose addresses the servers announce instead of their own; none, or one for each server.
    proxies: Vec<FaultProxy>,
    primaries: usize,
}

/// A cluster that tests use one after the other. It is empty, and has no failed server.
#[derive(Debug)]
pub struct PooledCluster(Option<RedisCluster>);

impl PooledCluster {
    /// Takes a cluster of three primaries, or starts one.
    ///
    /// # Panics
    ///
    /// As for [`RedisCluster::start`].
    pub fn take() -> Self {
        let known = POOL.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let cluster = known.unwrap_or_else(|| RedisCluster::start(3, 0));
        cluster.flush();
        Self(Some(cluster))
    }
}

impl std::ops::Deref for PooledCluster {
    type Target = RedisCluster;

    fn deref(&self) -> &RedisCluster {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for PooledCluster {
    fn drop(&mut self) {
        if let Some(cluster) = self.0.take().filter(RedisCluster::is_healthy) {
            POOL.lock().unwrap_or_else(PoisonError::into_inner).push(cluster);
        }
    }
}

impl RedisCluster {
    /// Starts a cluster, and waits until every server considers it complete.
    ///
    /// The slots are divided evenly among the primaries. The replicas are those of the first primaries, in their order.
    ///
    /// # Panics
    ///
    /// If `redis-server` is not installed or does not start, or if the servers do not agree within a minute.
    pub fn start(primaries: usize, replicas: usize) -> Self {
        Self::start_with(primaries, replicas, &[])
    }

    /// Starts a cluster with more arguments for each server, such as `["--cluster-require-full-coverage", "no"]`.
    ///
    /// # Panics
    ///
    /// As for [`start`](Self::start).
    pub fn start_with(primaries: usize, replicas: usize, arguments: &[&str]) -> Self {
        Self::start_of(primaries, replicas, arguments, Vec::new())
    }

    /// Starts a cluster whose servers announce the addresses of proxies.
    ///
    /// The clients, and the replicas of a primary, connect through them.
    ///
    /// # Panics
    ///
    /// As for [`start`](Self::start).
    pub fn start_behind_proxies(primaries: usize, replicas: usize, arguments: &[&str]) -> Self {
        let nowhere = (Ipv4Addr::LOCALHOST, 1);
        let proxies = (0..primaries + replicas).map(|_| FaultProxy::start(nowhere)).collect();
        Self::start_of(primaries, replicas, arguments, proxies)
    }

    fn start_of(primaries: usize, replicas: usize, arguments: &[&str], proxies: Vec<FaultProxy>) -> Self {
        let start = |place: usize| match proxies.get(place) {
            None => server(arguments),
            Some(proxy) => {
                let port = proxy.addr().port().to_string();
                let server = server(&[arguments, &["--cluster-announce-port", &port]].concat());
                proxy.set_upstream((Ipv4Addr::LOCALHOST, server.port()));
                server
            }
        };
        let servers = (0..primaries + replicas).map(start).collect();
        let cluster = Self { servers, proxies, primaries };
        cluster.assign_slots();
        cluster.introduce();
        for replica in 0..replicas {
            let primary = cluster.id(replica);
            // A server that has not heard of the primary yet refuses.
            cluster.wait("the replicas follow", || {
                let reply = cluster.servers[primaries + replica].raw(&["CLUSTER", "REPLICATE", &primary]);
                reply.is_ok_and(|reply| reply == "OK")
            });
        }
        cluster.wait("the replicas have the data", || cluster.servers[primaries..].iter().all(is_synchronised));
        cluster.wait_until_complete();
        cluster
    }

    /// Adds a primary without slots, and returns its place.
    ///
    /// # Panics
    ///
    /// As for [`start`](Self::start).
    pub fn add_primary(&mut self) -> usize {
        self.servers.push(server(&[]));
        let place = self.servers.len() - 1;
        let added = &self.servers[place];
        added.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]);
        self.servers[0].command(&["CLUSTER", "MEET", "127.0.0.1", &added.port().to_string(), &bus_port(added)]);
        self.wait_until_complete();
        place
    }

    fn assign_slots(&self) {
        for (place, server) in self.servers[..self.primaries].iter().enumerate() {
            let bound = |place: usize| place * SLOTS / self.primaries;
            let (first, last) = (bound(place), bound(place + 1) - 1);
            server.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            server.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]);
        }
    }

    /// Introduces every server to the first one.
    fn introduce(&self) {
        for server in &self.servers[1..] {
            self.servers[0].command(&["CLUSTER", "MEET", "127.0.0.1", &server.port().to_string(), &bus_port(server)]);
        }
    }

    /// Waits until every server considers the cluster complete.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_until_complete(&self) {
        self.wait("the cluster is complete", || self.is_healthy());
    }

    fn wait(&self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}\n{}", self.nodes());
            thread::sleep(POLL);
        }
    }

    fn is_healthy(&self) -> bool {
        let count = self.servers.len();
        self.servers.iter().all(|server| {
            let info = server.raw(&["CLUSTER", "INFO"]).unwrap_or_default();
            let nodes = server.raw(&["CLUSTER", "NODES"]).unwrap_or_default();
            let connected = nodes.lines().filter(|line| line.contains(" connected") && !has_failed(line)).count();
            let is_announced = |place: usize| nodes.contains(&format!(":{}@", self.announced_port(place)));
            info.contains("cluster_state:ok") && connected == count && (0..count).all(is_announced)
        })
    }

    /// Waits until every server knows the same primaries with the same slots, and reaches all others.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_until_settled(&self) {
        self.wait("the servers agree", || self.is_healthy() && self.agree());
    }

    /// Whether every server knows the same primaries with the same slots.
    fn agree(&self) -> bool {
        let mut views =
            self.servers.iter().map(|server| owners(&server.raw(&["CLUSTER", "NODES"]).unwrap_or_default()));
        let first = views.next();
        views.all(|view| Some(view) == first)
    }

    /// The view of the first server, for messages.
    fn nodes(&self) -> String {
        self.servers[0].raw(&["CLUSTER", "NODES"]).unwrap_or_default()
    }

    /// The address for the user with the rights of a service. It names every server.
    pub fn url(&self) -> String {
        self.url_with(PASSWORD)
    }

    /// The same address with another password of that user.
    pub fn url_with(&self, password: &str) -> String {
        let ports = (0..self.servers.len()).map(|place| self.announced_port(place));
        let hosts: Vec<String> = ports.map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis-cluster://{USER}:{password}@{}", hosts.join(","))
    }

    /// The port at which a server is reached according to the cluster.
    fn announced_port(&self, place: usize) -> u16 {
        self.proxies.get(place).map_or_else(|| self.servers[place].port(), |proxy| proxy.addr().port())
    }

    /// The proxy before a server, if the cluster was [started behind proxies](Self::start_behind_proxies).
    ///
    /// # Panics
    ///
    /// If it was not.
    pub fn proxy_mut(&mut self, place: usize) -> &mut FaultProxy {
        &mut self.proxies[place]
    }

    /// Gives the user of [`url`](Self::url) its rights and these further passwords on a server, as after a restart.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn restore_rights(&self, place: usize, passwords: &[&str]) {
        let passwords = passwords.iter().map(|password| format!(">{password}"));
        let rules: Vec<String> = acl::rules().chain(acl::cluster_rules()).chain(passwords).collect();
        self.servers[place].change_rights(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Waits until a server is the primary of its shard.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_for_primary(&self, place: usize) {
        self.wait("the replica takes over", || self.has_role(place, "master") && self.serves(place));
    }

    /// Waits until a server is a replica whose primary it reaches, and has its data.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_for_replica(&self, place: usize) {
        let is_up = || {
            let info = self.servers[place].raw(&["INFO", "replication"]).unwrap_or_default();
            info.contains("role:slave") && info.contains("master_link_status:up")
        };
        self.wait("the replica has the data of its primary", is_up);
    }

    /// Waits until a server executes commands.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_until_served(&self, place: usize) {
        self.wait("the server executes commands", || self.serves(place));
    }

    /// Waits until a server has noticed that another one has taken over its slots, and follows it.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_for_demotion(&self, place: usize) {
        self.wait("the old primary follows", || self.has_role(place, "slave"));
    }

    fn has_role(&self, place: usize, role: &str) -> bool {
        let info = self.servers[place].raw(&["INFO", "replication"]).unwrap_or_default();
        info.contains(&format!("role:{role}"))
    }

    fn serves(&self, place: usize) -> bool {
        self.servers[place].raw(&["CLUSTER", "INFO"]).unwrap_or_default().contains("cluster_state:ok")
    }

    /// The servers: the primaries first, as of the start.
    pub fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// One of these servers.
    pub fn server_mut(&mut self, place: usize) -> &mut RedisServer {
        &mut self.servers[place]
    }

    /// The id of a server.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn id(&self, place: usize) -> String {
        self.servers[place].raw(&["CLUSTER", "MYID"]).expect("the server answers")
    }

    /// The place of the server that has the slot of a key, in the view of the first server that answers.
    ///
    /// # Panics
    ///
    /// If no server has it.
    pub fn owner(&self, key: &str) -> usize {
        let asked = |server: &RedisServer| {
            let reply = server.raw(&["TTL", key]).ok()?;
            let port = match reply.strip_prefix("-MOVED ") {
                Some(moved) => moved.rsplit_once(':')?.1.parse().ok()?,
                None => server.port(),
            };
            let is_at = |place: &usize| port == self.servers[*place].port() || port == self.announced_port(*place);
            (0..self.servers.len()).find(is_at)
        };
        self.servers.iter().find_map(asked).expect("a server has the slot")
    }

    /// Sends a command to the server of its key, the first argument. `FLUSHALL` and `KEYS` go to all.
    ///
    /// # Errors
    ///
    /// Those of [`RedisServer::raw`].
    pub fn raw(&self, command: &[&str]) -> io::Result<String> {
        match command {
            ["FLUSHALL" | "KEYS", ..] => {
                let replies = self.servers.iter().map(|server| server.raw(command));
                let lines: io::Result<Vec<String>> = replies.collect();
                Ok(lines?.into_iter().filter(|reply| !reply.is_empty()).collect::<Vec<_>>().join("\n"))
            }
            // The keys may have several slots.
            ["DEL", keys @ ..] => {
                let replies = keys.iter().map(|key| self.servers[self.owner(key)].raw(&["DEL", key]));
                replies.collect::<io::Result<Vec<String>>>().map(|replies| replies.join("\n"))
            }
            _ => self.servers[self.owner(command[1])].raw(command),
        }
    }

    /// Removes every key.
    fn flush(&self) {
        for server in &self.servers[..self.primaries] {
            server.command(&["FLUSHALL"]);
        }
    }

    /// Moves the slot of a key to another server.
    ///
    /// # Panics
    ///
    /// If a server refuses.
    pub fn move_slot(&self, key: &str, to: usize) {
        let from = self.begin_to_move(key, to);
        self.move_keys(key, from, to);
        self.finish_to_move(key, from, to);
    }

    /// Begins to move the slot of a key to another server; returns the place of the present one.
    ///
    /// # Panics
    ///
    /// If a server refuses.
    pub fn begin_to_move(&self, key: &str, to: usize) -> usize {
        let (from, slot) = (self.owner(key), self.slot(key));
        let (source, target) = (self.id(from), self.id(to));
        self.servers[to].command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]);
        self.servers[from].command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]);
        from
    }

    /// Moves the keys of a slot that is on its way.
    ///
    /// # Panics
    ///
    /// If a server refuses.
    pub fn move_keys(&self, key: &str, from: usize, to: usize) {
        let keys = self.servers[from].raw(&["CLUSTER", "GETKEYSINSLOT", &self.slot(key), "1000"]).expect("it answers");
        for key in keys.lines() {
            self.move_key(key, from, to);
        }
    }

    /// Moves one key of a slot that is on its way.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub fn move_key(&self, key: &str, from: usize, to: usize) {
        let port = self.servers[to].port().to_string();
        self.servers[from].command(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
    }

    /// Ends the move of a slot.
    ///
    /// # Panics
    ///
    /// If a server refuses.
    pub fn finish_to_move(&self, key: &str, from: usize, to: usize) {
        let (slot, target) = (self.slot(key), self.id(to));
        for server in [to, from] {
            self.servers[server].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
        }
    }

    fn slot(&self, key: &str) -> String {
        self.servers[0].raw(&["CLUSTER", "KEYSLOT", key]).expect("the server answers")
    }
}

fn server(arguments: &[&str]) -> RedisServer {
    let port = free_port().to_string();
    let own = ["--cluster-enabled", "yes", "--cluster-node-timeout", NODE_TIMEOUT, "--cluster-port", &port];
    // A replica that was never synchronised does not take over.
    let own = [&own[..], &["--repl-diskless-sync-delay", "0"]].concat();
    let server = RedisServer::start_with(&[&own[..], arguments].concat());
    let rules = acl::cluster_rules();
    server.change_rights(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    server
}

fn is_synchronised(replica: &RedisServer) -> bool {
    replica.raw(&["INFO", "replication"]).is_ok_and(|info| info.contains("master_link_status:up"))
}

/// Whether a line of a reply to `CLUSTER NODES` tells of a server that some or all others consider failed.
fn has_failed(line: &str) -> bool {
    let flags = line.split(' ').nth(2).unwrap_or_default();
    flags.split(',').any(|flag| flag == "fail" || flag == "fail?")
}

/// The ids of the primaries in a reply to `CLUSTER NODES`, each with its slots, in order.
fn owners(nodes: &str) -> Vec<String> {
    let claim = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        // The fields between them tell of the address, the link and the times of messages.
        let slots: Vec<&str> = fields.iter().skip(8).filter(|field| !field.starts_with('[')).copied().collect();
        format!("{} {}", fields[0], slots.join(" "))
    };
    let mut owners: Vec<String> = nodes.lines().filter(|line| line.contains("master")).map(claim).collect();
    owners.sort();
    owners
}

/// The port on which a server talks to the others.
fn bus_port(server: &RedisServer) -> String {
    let config = server.raw(&["CONFIG", "GET", "cluster-port"]).expect("the server answers");
    config.lines().last().unwrap_or_default().to_owned()
}
