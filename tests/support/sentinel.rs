//! Private sentinels, with the servers that they watch.

use std::fs;
use std::io;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::acl::{self, PASSWORD, USER};
use crate::binaries;
use crate::ports::free_port;
use crate::redis::{RedisServer, new_folder, raw};
use crate::server::{Server, log};

/// The name under which the sentinels watch the primary.
const NAME: &str = "service";
/// The user of the sentinels and of the replicas on the servers, and its password.
const WATCHER: (&str, &str) = ("watcher", "watching");
const TRIES: usize = 5;
const SENTINELS: usize = 3;
const SERVERS: usize = 3;
/// How long a server has to be silent until a sentinel considers it lost: never in a test that does not ask for it.
const PATIENT: &str = "600000";
const IMPATIENT: &str = "500";
/// How long a fail-over may take until another sentinel tries; the delay after a vote without a majority is twice that.
const FAILOVER_TIMEOUT: &str = "3000";
const TIME_TO_AGREE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// One sentinel. Dropping it ends it.
#[derive(Debug)]
pub struct Sentinel {
    server: Server,
    port: u16,
    tls_port: Option<u16>,
    _folder: TempDir,
}

/// A primary with replicas, and the sentinels that watch them. Dropping it ends all of them.
///
/// The sentinels start no fail-over by themselves until [`notice_losses`](Self::notice_losses), so that a busy machine
/// causes none.
#[derive(Debug)]
pub struct SentinelGroup {
    /// The servers; the first one is the primary at the beginning.
    pub servers: Vec<RedisServer>,
    /// The sentinels, of which two agree on a fail-over.
    pub sentinels: Vec<Sentinel>,
}

impl Sentinel {
    /// Starts a sentinel that watches nothing yet.
    ///
    /// It has two users: that of [`SentinelGroup::url`], with exactly the rights that ENVIRONMENT.md gives a service,
    /// and the `default` of Redis, with all rights and no password.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start() -> Self {
        Self::start_in(new_folder(), "")
    }

    /// Starts a sentinel that also accepts TLS, and that watches servers over TLS.
    ///
    /// The certificate and its key are in PEM form, and so is that of the authority of the servers.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start_with_tls(certificate: &str, key: &str, authority: &str) -> Self {
        let folder = new_folder();
        for (file, text) in [("own.crt", certificate), ("own.key", key), ("ca.crt", authority)] {
            fs::write(folder.path().join(file), text).expect("the server's folder takes a file");
        }
        let files = "tls-cert-file own.crt\ntls-key-file own.key\ntls-ca-cert-file ca.crt\ntls-auth-clients no\n";
        Self::start_in(folder, &format!("{files}tls-replication yes\n"))
    }

    fn start_in(folder: TempDir, settings: &str) -> Self {
        let started = (0..TRIES).find_map(|_| {
            let (port, tls_port) = (free_port(), (!settings.is_empty()).then(free_port));
            let tls = tls_port.map_or_else(String::new, |port| format!("tls-port {port}\n{settings}"));
            Some((launch(port, &folder, &tls)?, port, tls_port))
        });
        let (server, port, tls_port) =
            started.unwrap_or_else(|| panic!("a sentinel does not start: {}", log(folder.path())));
        Self { server, port, tls_port, _folder: folder }
    }

    /// Its port for TLS on 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If it was not started with TLS.
    pub fn tls_port(&self) -> u16 {
        self.tls_port.expect("the sentinel speaks TLS")
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends one command as the user with all rights, like [`RedisServer::raw`].
    ///
    /// # Errors
    ///
    /// Those of the connection, and no reply within 5 s.
    pub fn raw(&self, command: &[&str]) -> io::Result<String> {
        raw(self.port, command)
    }

    /// Sends a command like [`raw`](Self::raw), and expects success.
    ///
    /// # Panics
    ///
    /// If it does not answer, or answers with an error.
    pub fn command(&self, command: &[&str]) {
        let answer = self.raw(command).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(!answer.starts_with('-'), "{command:?}: {answer}");
    }

    /// Watches the server at this address under a name; `quorum` sentinels have to agree on its loss.
    ///
    /// # Panics
    ///
    /// If it refuses.
    pub fn watch(&self, name: &str, port: u16, quorum: usize) {
        self.command(&["SENTINEL", "MONITOR", name, "127.0.0.1", &port.to_string(), &quorum.to_string()]);
        let (user, password) = WATCHER;
        self.set(name, &["auth-user", user, "auth-pass", password]);
        self.set(name, &["down-after-milliseconds", PATIENT, "failover-timeout", FAILOVER_TIMEOUT]);
    }

    /// Suspends it (SIGSTOP): connections stay open, and no request is answered.
    pub fn pause(&mut self) {
        self.server.signal(Signal::STOP);
    }

    /// Resumes it after [`pause`](Self::pause) (SIGCONT).
    pub fn resume(&mut self) {
        self.server.signal(Signal::CONT);
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        self.server.end(Signal::KILL);
    }

    /// The port of the primary, as far as it knows.
    fn primary(&self, name: &str) -> Option<u16> {
        let answer = self.raw(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]).ok()?;
        answer.lines().nth(1)?.parse().ok()
    }

    fn set(&self, name: &str, settings: &[&str]) {
        self.command(&[&["SENTINEL", "SET", name], settings].concat());
    }

    /// Whether it knows this many replicas that follow the primary, and this many other sentinels.
    fn knows(&self, replicas: usize, others: usize) -> bool {
        let count = |what: &str, word: &str| {
            let answer = self.raw(&["SENTINEL", what, NAME]).unwrap_or_default();
            answer.lines().filter(|line| *line == word).count()
        };
        count("REPLICAS", "ok") == replicas && count("SENTINELS", "runid") == others
    }
}

impl SentinelGroup {
    /// Starts three servers and three sentinels, and waits until all know each other.
    ///
    /// # Panics
    ///
    /// If a server does not start.
    pub fn start() -> Self {
        let servers: Vec<_> = (0..SERVERS).map(|_| watched_server()).collect();
        for replica in &servers[1..] {
            replica.command(&["REPLICAOF", "127.0.0.1", &servers[0].port().to_string()]);
        }
        eventually("the replicas follow", || {
            servers[1..].iter().all(|replica| info(replica).contains("master_link_status:up"))
        });
        let sentinels: Vec<_> = (0..SENTINELS).map(|_| Sentinel::start()).collect();
        let group = Self { servers, sentinels };
        for sentinel in &group.sentinels {
            sentinel.watch(NAME, group.servers[0].port(), 2);
        }
        eventually("the sentinels know each other", || {
            group.sentinels.iter().all(|sentinel| sentinel.knows(SERVERS - 1, SENTINELS - 1))
        });
        group
    }

    /// Its address for the users with the rights of a service.
    pub fn url(&self) -> String {
        let ports: Vec<_> = self.sentinels.iter().map(Sentinel::port).collect();
        url(NAME, &ports)
    }

    /// The same address with other ports for the sentinels, such as those of proxies.
    pub fn url_at(&self, ports: &[u16]) -> String {
        url(NAME, ports)
    }

    /// The number of the server that a majority of the sentinels names as the primary.
    ///
    /// # Panics
    ///
    /// If there is none for a minute.
    pub fn primary(&self) -> usize {
        let mut found = None;
        eventually("the sentinels agree", || {
            let named: Vec<_> = self.sentinels.iter().filter_map(|sentinel| sentinel.primary(NAME)).collect();
            let votes = |server: &RedisServer| named.iter().filter(|port| **port == server.port()).count();
            found = self.servers.iter().position(|server| votes(server) * 2 > SENTINELS);
            found.is_some()
        });
        found.expect("it was found")
    }

    /// Lets the sentinels notice within half a second that the primary is lost, and fail over by themselves.
    ///
    /// # Panics
    ///
    /// If a sentinel refuses.
    pub fn notice_losses(&self) {
        for sentinel in &self.sentinels {
            sentinel.set(NAME, &["down-after-milliseconds", IMPATIENT]);
        }
    }

    /// Has a sentinel start a fail-over, whatever the state of the primary.
    ///
    /// # Panics
    ///
    /// If it refuses, for example because the primary has no replica that works.
    pub fn fail_over(&self) {
        self.sentinels[0].command(&["SENTINEL", "FAILOVER", NAME]);
    }

    /// Cuts a server off from the sentinels and the other servers, and leaves it to the instances of the service.
    ///
    /// It refuses the user of the others, and what they could do as `default` after that.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn isolate(&self, server: usize) {
        let (server, (user, _)) = (&self.servers[server], WATCHER);
        server.command(&["ACL", "SETUSER", user, "off"]);
        server.command(&[
            "ACL",
            "SETUSER",
            "default",
            "-ping",
            "-info",
            "-publish",
            "-subscribe",
            "-slaveof",
            "-psync",
        ]);
        server.command(&["CLIENT", "KILL", "USER", user]);
    }

    /// Ends the isolation of a server.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn reunite(&self, server: usize) {
        let (server, (user, _)) = (&self.servers[server], WATCHER);
        server.command(&["ACL", "SETUSER", user, "on"]);
        server.command(&["ACL", "SETUSER", "default", "+@all"]);
    }
}

/// Starts a server with the users that a service behind sentinels needs.
///
/// # Panics
///
/// If it does not start.
pub fn watched_server() -> RedisServer {
    let (user, password) = WATCHER;
    let secret = format!(">{password}");
    let rules = ["--user", user, "on", &secret, "~*", "&*", "+@all", "--masteruser", user, "--masterauth", password];
    let server = RedisServer::start_with(&[&rules[..], &["--repl-diskless-sync-delay", "0"]].concat());
    allow_role(&server);
    server
}

/// Gives the user of a service the rights that it needs on servers behind sentinels only.
///
/// # Panics
///
/// If the server does not answer.
pub fn allow_role(server: &RedisServer) {
    server.change_rights(&acl::documented_role_rules());
}

/// The address of a primary that these sentinels watch, for the users with the rights of a service.
pub fn url(name: &str, ports: &[u16]) -> String {
    let hosts: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let login = format!("sentinel_user={USER}&sentinel_password={PASSWORD}");
    format!("redis+sentinel://{USER}:{PASSWORD}@{}/{name}?{login}", hosts.join(","))
}

fn info(server: &RedisServer) -> String {
    server.raw(&["INFO", "replication"]).unwrap_or_default()
}

fn eventually(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIME_TO_AGREE;
    while !reached() {
        assert!(Instant::now() < deadline, "this did not happen: {what}");
        thread::sleep(POLL);
    }
}

fn launch(port: u16, folder: &TempDir, settings: &str) -> Option<Server> {
    let user = format!("user {USER} {}", acl::sentinel_rules().join(" "));
    let config = format!("port {port}\nbind 127.0.0.1\n{user}\n{settings}");
    // A sentinel writes its state into its configuration file.
    fs::write(folder.path().join("sentinel.conf"), config).expect("the server's folder takes a file");
    let mut command = Command::new(binaries::find("redis-server", "redis-server"));
    command.current_dir(folder.path()).args(["sentinel.conf", "--sentinel"]);
    Server::start(&mut command, folder.path(), "KILL")
        .wait_until(|| raw(port, &["PING"]).is_ok_and(|pong| pong == "PONG"))
}
