//! A private Redis.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::acl::{self, PASSWORD, USER};
use crate::binaries;
use crate::ports::free_port;
use crate::server::{Server, log};

const TRIES: usize = 5;
/// The number of restart attempts on the same port, and the pause between them.
const TRIES_AGAIN: usize = 25;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// The file of the Unix socket, in the server's folder.
const SOCKET: &str = "redis.sock";
/// The name of the dump file in the server's folder.
const DUMP: &str = "dump.rdb";

/// A private Redis without persistence. Dropping it ends the server.
#[derive(Debug)]
pub struct RedisServer {
    server: Option<Server>,
    ports: Ports,
    arguments: Vec<String>,
    folder: TempDir,
}

/// The addresses on which it listens.
#[derive(Debug, Clone, Copy)]
struct Ports {
    plain: u16,
    tls: Option<u16>,
}

impl Ports {
    fn pick(with_tls: bool) -> Self {
        Self { plain: free_port(), tls: with_tls.then(free_port) }
    }
}

impl RedisServer {
    /// Starts a server on a free port, and waits until it answers.
    ///
    /// It has two users: that of [`url`](Self::url), with exactly the rights that ENVIRONMENT.md gives a service, and
    /// the `default` of Redis, with all rights and no password.
    ///
    /// # Panics
    ///
    /// If `redis-server` is not installed, or does not start.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more arguments, such as `["--maxmemory", "2mb"]`.
    ///
    /// # Panics
    ///
    /// As for [`start`](Self::start).
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(new_folder(), arguments, false)
    }

    /// Starts a server that also accepts TLS, with a certificate and key in PEM form.
    ///
    /// # Panics
    ///
    /// As for [`start`](Self::start).
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        let folder = new_folder();
        for (file, text) in [("server.crt", certificate), ("server.key", key)] {
            fs::write(folder.path().join(file), text).expect("the server's folder takes a file");
        }
        let files = ["--tls-cert-file", "server.crt", "--tls-key-file", "server.key", "--tls-auth-clients", "no"];
        Self::start_in(folder, &files, true)
    }

    fn start_in(folder: TempDir, arguments: &[&str], with_tls: bool) -> Self {
        let mut arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        arguments.extend(acl::arguments());
        let started = (0..TRIES).find_map(|_| {
            let ports = Ports::pick(with_tls);
            Some((launch(ports, &folder, &arguments)?, ports))
        });
        let (server, ports) = started.unwrap_or_else(|| panic!("redis-server does not start: {}", log(folder.path())));
        Self { server: Some(server), ports, arguments, folder }
    }

    /// Its address for the user with the rights of a service, such as `redis://tests:secret@127.0.0.1:6390`.
    pub fn url(&self) -> String {
        format!("redis://{USER}:{PASSWORD}@127.0.0.1:{}", self.ports.plain)
    }

    /// Its address for the user with all rights.
    pub fn admin_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.ports.plain)
    }

    /// Its encrypted address under this host name, for the user of [`url`](Self::url).
    ///
    /// # Panics
    ///
    /// If it was not started with TLS.
    pub fn tls_url(&self, host: &str) -> String {
        format!("rediss://{USER}:{PASSWORD}@{host}:{}", self.ports.tls.expect("the server speaks TLS"))
    }

    /// Its port for TLS on 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If it was not started with TLS.
    pub fn tls_port(&self) -> u16 {
        self.ports.tls.expect("the server speaks TLS")
    }

    /// The path of its Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.ports.plain
    }

    /// Ends it at once, as a crash would (SIGKILL).
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Ends it in order (SIGTERM).
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Restarts it empty on the same port with the same arguments, and ends it before.
    ///
    /// # Panics
    ///
    /// If it does not start, for example because another process took the port.
    pub fn restart(&mut self) {
        self.kill();
        // `SAVE` or the synchronisation of a replica may have left a dump, which a server loads in any case.
        let _ = fs::remove_file(self.folder.path().join(DUMP));
        self.launch_again();
    }

    /// Kills the server and restarts it with the data of the last [`save`](Self::save).
    ///
    /// # Panics
    ///
    /// As for [`restart`](Self::restart).
    pub fn restart_from_dump(&mut self) {
        self.kill();
        self.launch_again();
    }

    /// Writes all data to a file that [`restart_from_dump`](Self::restart_from_dump) reads.
    ///
    /// # Panics
    ///
    /// If the server fails to save.
    pub fn save(&self) {
        self.command(&["SAVE"]);
    }

    fn launch_again(&mut self) {
        // Another connection may briefly use the port, which is free while the server is down.
        let server = (0..TRIES_AGAIN).find_map(|number| {
            thread::sleep(if number == 0 { Duration::ZERO } else { BETWEEN_TRIES });
            launch(self.ports, &self.folder, &self.arguments)
        });
        assert!(server.is_some(), "redis-server does not start again: {}", log(self.folder.path()));
        self.server = server;
    }

    /// Suspends it (SIGSTOP): connections stay open, and no request is answered.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Resumes it after [`pause`](Self::pause) (SIGCONT).
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Sends one command as the user with all rights, and returns its reply as text.
    ///
    /// The text has a line for each element of an array, `(nil)` for nil, and an error with its `-`.
    ///
    /// # Errors
    ///
    /// Those of the connection, and no reply within 5 s.
    pub fn raw(&self, command: &[&str]) -> io::Result<String> {
        raw(self.ports.plain, command)
    }

    /// Sends a command as [`raw`](Self::raw) does, and expects success.
    ///
    /// # Panics
    ///
    /// If the server does not answer, or answers with an error.
    pub fn command(&self, command: &[&str]) {
        let answer = self.raw(command).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(!answer.starts_with('-'), "{command:?}: {answer}");
    }

    /// Changes the rights of the user of [`url`](Self::url) by ACL rules such as `-evalsha`.
    ///
    /// Existing connections stay open, unless they are subscribed to a channel that is no longer allowed.
    ///
    /// # Panics
    ///
    /// If the server rejects the rules.
    pub fn change_rights(&self, rules: &[&str]) {
        self.command(&[&["ACL", "SETUSER", USER], rules].concat());
    }

    /// Restores the initial rights of that user.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn restore_rights(&self) {
        let rules: Vec<String> = acl::rules().collect();
        self.change_rights(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Switches that user off and kills its connections.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn switch_user_off(&self) {
        self.change_rights(&["off"]);
        self.command(&["CLIENT", "KILL", "USER", USER]);
    }

    fn signal(&mut self, signal: Signal) {
        if let Some(server) = &mut self.server {
            server.signal(signal);
        }
    }

    fn end(&mut self, signal: Signal) {
        if let Some(mut server) = self.server.take() {
            // A suspended process leaves every signal but SIGKILL pending.
            server.signal(Signal::CONT);
            server.end(signal);
        }
    }
}

pub(crate) fn new_folder() -> TempDir {
    tempfile::Builder::new().prefix("redis-").tempdir().expect("a temporary folder")
}

fn launch(ports: Ports, folder: &TempDir, arguments: &[impl AsRef<OsStr>]) -> Option<Server> {
    let mut command = Command::new(binaries::find("redis-server", "redis-server"));
    command
        .current_dir(folder.path())
        .args(["--bind", "127.0.0.1", "--port", &ports.plain.to_string()])
        .args(["--unixsocket", SOCKET, "--unixsocketperm", "700"])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .args(ports.tls.iter().flat_map(|port| ["--tls-port".to_owned(), port.to_string()]))
        .args(arguments);
    Server::start(&mut command, folder.path(), "KILL")
        .wait_until(|| raw(ports.plain, &["PING"]).is_ok_and(|pong| pong == "PONG"))
}

pub(crate) fn raw(port: u16, command: &[&str]) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
    stream.write_all(request(command).as_bytes())?;
    reply(&mut BufReader::new(stream))
}

fn request(command: &[&str]) -> String {
    let mut text = format!("*{}\r\n", command.len());
    for part in command {
        let _ = write!(text, "${}\r\n{part}\r\n", part.len());
    }
    text
}

/// One reply of RESP2 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
fn reply(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("+" | ":", text)) => Ok(text.to_owned()),
        Some(("$", length)) => bulk(stream, length),
        Some(("*", length)) => elements(stream, length),
        _ => Ok(line.to_owned()),
    }
}

fn bulk(stream: &mut impl BufRead, length: &str) -> io::Result<String> {
    let Ok(length) = length.parse::<usize>() else {
        return Ok("(nil)".to_owned());
    };
    let mut bytes = vec![0; length + 2];
    stream.read_exact(&mut bytes)?;
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn elements(stream: &mut impl BufRead, length: &str) -> io::Result<String> {
    let lines: io::Result<Vec<String>> = (0..length.parse().unwrap_or(0)).map(|_| reply(stream)).collect();
    Ok(lines?.join("\n"))
}
