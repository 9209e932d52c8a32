//! The kinds of Redis that the coherence suite runs on, and how many tests ran on each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use cache_tests::{PooledCluster, RedisCluster, RedisServer, RestServer, Sentinel, sentinel_url, watched_server};

use super::connections::encryption::Authority;

/// The file with the table, which `scripts/test` prints.
const TABLE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/coherence.txt");

/// Records that a test runs on a kind of shared tier, and writes the table.
pub(super) fn count(kind: &'static str) {
    static COUNTS: Mutex<BTreeMap<&str, usize>> = Mutex::new(BTreeMap::new());
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry(kind).or_default() += 1;
    let mut table = "The coherence suite, in worlds of each kind of shared tier:\n".to_owned();
    for (kind, count) in &*counts {
        let _ = writeln!(table, "  {kind:20} {count:>5}");
    }
    fs::write(TABLE, table).expect("the target folder takes a file");
}

/// The Redis of a world, as its administrator uses it.
pub(super) trait Servers: Send + Sync {
    /// The address for the user with the rights of a service.
    fn url(&self) -> String;

    /// The certificate that its own is signed by, if it is encrypted.
    fn root(&self) -> Option<&str> {
        None
    }

    /// The address of the server of a key, for the user with all rights.
    fn admin_url(&self, key: &str) -> String;

    /// Sends a command to the server of its key, or `FLUSHALL` and `KEYS` to all.
    fn raw(&self, command: &[&str]) -> io::Result<String>;
}

impl Servers for RedisServer {
    fn url(&self) -> String {
        self.url()
    }

    fn admin_url(&self, _: &str) -> String {
        self.admin_url()
    }

    fn raw(&self, command: &[&str]) -> io::Result<String> {
        self.raw(command)
    }
}

impl Servers for RedisCluster {
    fn url(&self) -> String {
        self.url()
    }

    fn admin_url(&self, key: &str) -> String {
        self.servers()[self.owner(key)].admin_url()
    }

    fn raw(&self, command: &[&str]) -> io::Result<String> {
        self.raw(command)
    }
}

impl Servers for PooledCluster {
    fn url(&self) -> String {
        (**self).url()
    }

    fn admin_url(&self, key: &str) -> String {
        Servers::admin_url(&**self, key)
    }

    fn raw(&self, command: &[&str]) -> io::Result<String> {
        (**self).raw(command)
    }
}

impl Servers for RestServer {
    fn url(&self) -> String {
        self.url_with_token()
    }

    fn admin_url(&self, _: &str) -> String {
        self.redis().admin_url()
    }

    fn raw(&self, command: &[&str]) -> io::Result<String> {
        self.redis().raw(command)
    }
}

/// A server that a sentinel names.
pub(super) struct Watched {
    server: RedisServer,
    url: String,
}

impl Watched {
    /// Starts a server. All of them share one sentinel.
    pub(super) fn start() -> Self {
        static SENTINEL: LazyLock<Sentinel> = LazyLock::new(Sentinel::start);
        static NUMBERS: AtomicUsize = AtomicUsize::new(0);
        let server = watched_server();
        let name = format!("server-{}", NUMBERS.fetch_add(1, Ordering::Relaxed));
        SENTINEL.watch(&name, server.port(), 1);
        Self { server, url: sentinel_url(&name, &[SENTINEL.port()]) }
    }
}

impl Servers for Watched {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn admin_url(&self, _: &str) -> String {
        self.server.admin_url()
    }

    fn raw(&self, command: &[&str]) -> io::Result<String> {
        self.server.raw(command)
    }
}

/// A server that accepts RESP2 only.
pub(super) fn without_resp3() -> RedisServer {
    let server = RedisServer::start();
    server.change_rights(&["-hello"]);
    server
}

/// A server over TLS.
pub(super) struct Encrypted {
    server: RedisServer,
    root: &'static str,
}

impl Encrypted {
    /// Starts a server. All of them have one certificate.
    pub(super) fn start() -> Self {
        static AUTHORITY: LazyLock<(String, (String, String))> = LazyLock::new(|| {
            let authority = Authority::new();
            (authority.pem(), authority.certificate("127.0.0.1"))
        });
        let (root, (certificate, key)) = &*AUTHORITY;
        Self { server: RedisServer::start_with_tls(certificate, key), root }
    }
}

impl Servers for Encrypted {
    fn url(&self) -> String {
        self.server.tls_url("127.0.0.1")
    }

    fn root(&self) -> Option<&str> {
        Some(self.root)
    }

    fn admin_url(&self, _: &str) -> String {
        self.server.admin_url()
    }

    fn raw(&self, command: &[&str]) -> io::Result<String> {
        self.server.raw(command)
    }
}
