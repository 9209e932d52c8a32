//! A private Postgres, with separate databases.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

use crate::binaries;
use crate::ports::free_port;
use crate::server::{Server, log};

const TRIES: usize = 5;

/// The folder of a cluster, within its server's folder.
const DATA: &str = "data";

/// No data of a test needs to survive a power cut.
const FAST: [&str; 4] = ["-cfsync=off", "-csynchronous_commit=off", "-cfull_page_writes=off", "-cmax_connections=200"];

/// A private Postgres that trusts every client on 127.0.0.1 and listens on no other address.
///
/// Dropping it ends the server.
#[derive(Debug)]
pub struct PostgresServer {
    server: Server,
    port: u16,
    folder: TempDir,
    user: ServerUser,
    databases: AtomicU32,
}

impl PostgresServer {
    /// Creates a cluster, and starts its server on a free port, until it accepts connections.
    ///
    /// # Panics
    ///
    /// If Postgres is not installed, or does not start.
    pub fn start() -> Self {
        let (folder, user) = Self::folder();
        let data = initialise(folder.path(), &user);
        Self::start_on(folder, &data, user)
    }

    /// Starts a replica of this server, which streams its changes and accepts reads.
    ///
    /// # Panics
    ///
    /// As for [`start`](Self::start).
    #[must_use]
    pub fn start_replica(&self) -> Self {
        let (folder, user) = Self::folder();
        let data = copy(self.port, folder.path(), &user);
        Self::start_on(folder, &data, user)
    }

    fn folder() -> (TempDir, ServerUser) {
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir().expect("a temporary folder");
        let user = ServerUser::pick(folder.path());
        (folder, user)
    }

    fn start_on(folder: TempDir, data: &Path, user: ServerUser) -> Self {
        let started = (0..TRIES).find_map(|_| {
            let port = free_port();
            Some((launch(port, folder.path(), data, &user)?, port))
        });
        let (server, port) = started.unwrap_or_else(|| panic!("postgres does not start: {}", log(folder.path())));
        Self { server, port, folder, user, databases: AtomicU32::new(0) }
    }

    /// Shuts the server down as an administrator does, and restarts it on its port.
    ///
    /// That closes every connection.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self) {
        // Fast shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
        self.restart_after(Signal::INT);
    }

    /// Ends the server as a crash does, without notice to clients, and restarts it.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn crash_and_restart(&mut self) {
        self.restart_after(Signal::QUIT);
    }

    fn restart_after(&mut self, signal: Signal) {
        self.server.end(signal);
        let data = self.folder.path().join(DATA);
        let started = (0..TRIES).find_map(|_| launch(self.port, self.folder.path(), &data, &self.user));
        self.server = started.unwrap_or_else(|| panic!("postgres does not start again: {}", log(self.folder.path())));
    }

    /// The server that the tests of this process share. It ends with the process.
    ///
    /// # Panics
    ///
    /// As for [`start`](Self::start).
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of one of its databases, as the superuser `postgres`.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Creates an empty database, which exists until the server ends.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub async fn create_database(&self) -> TestDatabase {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.expect("the server takes connections");
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a new name is free");
        connection.close().await.expect("a connection closes");
        TestDatabase { url: self.url(&name), name }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Immediate shutdown. SIGKILL would leak its shared memory.
        self.server.end(Signal::QUIT);
    }
}

/// A database of a private server.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address, as a superuser and with the server's default `search_path`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its address with `schema` as the whole `search_path`.
    pub fn url_with_schema(&self, schema: &str) -> String {
        format!("{}?options[search_path]={schema}", self.url)
    }
}

fn initialise(folder: &Path, user: &ServerUser) -> PathBuf {
    let data = folder.join(DATA);
    let mut initdb = user.command("initdb", folder);
    initdb
        .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"])
        .arg(&data);
    run(initdb);
    data
}

/// Turns the files of a running server into those of its replica.
fn copy(primary: u16, folder: &Path, user: &ServerUser) -> PathBuf {
    let data = folder.join(DATA);
    let mut backup = user.command("pg_basebackup", folder);
    backup
        .args(["--host=127.0.0.1", &format!("--port={primary}"), "--username=postgres", "--no-password"])
        .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--pgdata"])
        .arg(&data);
    run(backup);
    data
}

fn run(mut command: Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
}

fn launch(port: u16, folder: &Path, data: &Path, user: &ServerUser) -> Option<Server> {
    let mut command = user.command("postgres", folder);
    command
        .arg("-D")
        .arg(data)
        .args(["-clisten_addresses=127.0.0.1", "-cunix_socket_directories=", &format!("-cport={port}")])
        .args(FAST);
    // Written once the server takes connections: https://www.postgresql.org/docs/current/storage-file-layout.html
    let status = data.join("postmaster.pid");
    Server::start(&mut command, folder, "QUIT").wait_until(|| is_ready(&status))
}

fn is_ready(status: &Path) -> bool {
    let lines = fs::read_to_string(status).unwrap_or_default();
    lines.lines().nth(7).is_some_and(|state| state.trim() == "ready")
}

/// The user that runs Postgres, which refuses to run as root.
#[derive(Debug)]
enum ServerUser {
    Own,
    Other { user: u32, group: u32 },
}

impl ServerUser {
    fn pick(folder: &Path) -> Self {
        let owner = fs::metadata(folder).expect("the folder was just made").uid();
        if owner != 0 {
            return Self::Own;
        }
        let (user, group) = ["postgres", "nobody"].into_iter().find_map(lookup).expect("a user other than root");
        chown(folder, Some(user), Some(group)).expect("root may give a folder away");
        Self::Other { user, group }
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(binaries::postgres(program));
        command.current_dir(folder).env_remove("PGDATA").env_remove("PGPORT").env_remove("PGOPTIONS");
        if let Self::Other { user, group } = self {
            command.uid(*user).gid(*group);
        }
        command
    }
}

/// The user and group ids of an account.
fn lookup(name: &str) -> Option<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let fits = fields.next() == Some(name);
        let ids = fields.nth(1)?.parse().ok().zip(fields.next()?.parse().ok());
        ids.filter(|_| fits)
    })
}
