//! Every kind of shared tier failure degrades the cache and logs one specific warning.
//!
//! No caller sees an error, and the cache recovers by itself once the fault is repaired.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use cache_tests::{Direction, FaultProxy, PostgresServer, RedisServer};

use super::outage::{Reported, begins, is_there};

fn addr(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Sends a command that the server answers with OK.
fn command(server: &RedisServer, command: &[&str]) {
    assert_eq!(server.raw(command).unwrap(), "OK", "{command:?}");
}

fn set(server: &RedisServer, name: &str, value: &str) {
    command(server, &["CONFIG", "SET", name, value]);
}

const SILENT: Reported = Reported { error: "took too long", advice: "overloaded or stopped" };

#[tokio::test]
async fn a_server_that_accepts_and_never_answers() {
    let server = RedisServer::start();
    let proxy = RefCell::new(FaultProxy::start(addr(server.port())));
    let url = proxy.borrow().url_like(&server.url());
    proxy.borrow().half_open(Direction::Both);
    is_there(&url, || proxy.borrow_mut().heal(), SILENT).await;
}

#[tokio::test]
async fn a_server_that_stops_answering() {
    let server = RefCell::new(RedisServer::start());
    let url = server.borrow().url();
    begins(&url, || server.borrow_mut().pause(), || server.borrow_mut().resume(), SILENT).await;
}

#[tokio::test]
async fn a_connection_that_is_half_open() {
    let server = RedisServer::start();
    for direction in [Direction::ToClient, Direction::ToServer, Direction::Both] {
        let proxy = RefCell::new(FaultProxy::start(addr(server.port())));
        let url = proxy.borrow().url_like(&server.url());
        begins(&url, || proxy.borrow().half_open(direction), || proxy.borrow_mut().heal(), SILENT).await;
    }
}

#[tokio::test]
async fn a_server_that_is_killed() {
    let server = RefCell::new(RedisServer::start());
    let url = server.borrow().url();
    let reported = Reported { error: "", advice: "check that the server runs and that its address is right" };
    begins(&url, || server.borrow_mut().kill(), || server.borrow_mut().restart(), reported).await;
    server.borrow_mut().kill();
    let refused = Reported { error: "refused", ..reported };
    is_there(&url, || server.borrow_mut().restart(), refused).await;
}

#[tokio::test]
async fn a_replica() {
    let server = RedisServer::start();
    // No server listens on that port: the replica serves its own data.
    let replicate = || command(&server, &["REPLICAOF", "127.0.0.1", "1"]);
    let promote = || command(&server, &["REPLICAOF", "NO", "ONE"]);
    let read_only =
        Reported { error: "READONLY", advice: "give the address of the primary, or one that follows a fail-over" };
    begins(&server.url(), replicate, promote, read_only).await;
    replicate();
    is_there(&server.url(), promote, read_only).await;
    set(&server, "replica-serve-stale-data", "no");
    let lost = Reported { error: "MASTERDOWN", advice: "a replica without its primary" };
    begins(&server.url(), replicate, promote, lost).await;
}

#[tokio::test]
async fn a_primary_with_too_few_replicas() {
    let server = RedisServer::start();
    let fault = || set(&server, "min-replicas-to-write", "1");
    let mend = || set(&server, "min-replicas-to-write", "0");
    let reported = Reported { error: "NOREPLICAS", advice: "check the replicas" };
    begins(&server.url(), fault, mend, reported).await;
    fault();
    is_there(&server.url(), mend, reported).await;
}

#[tokio::test]
async fn a_server_whose_memory_is_full() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]);
    let fault = || set(&server, "maxmemory", "1");
    let mend = || set(&server, "maxmemory", "0");
    let reported = Reported { error: "OOM", advice: "raise its maxmemory, or let it evict" };
    begins(&server.url(), fault, mend, reported).await;
    fault();
    is_there(&server.url(), mend, reported).await;
}

/// Loading ends by itself, without a repair.
#[tokio::test]
async fn a_server_that_loads_its_data() {
    let slowly = ["--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"];
    let server = RedisServer::start_with(&slowly);
    let value = "x".repeat(2048);
    (0..400).for_each(|key| command(&server, &["SET", &format!("key{key}"), &value]));
    // In microseconds for each key.
    set(&server, "key-load-delay", "20000");
    let port = server.port();
    let reload = || {
        let loading = "-LOADING";
        let mut admin = TcpStream::connect(addr(port)).unwrap();
        admin.write_all(b"DEBUG RELOAD\r\n").unwrap();
        while !server.raw(&["GET", "key0"]).unwrap().starts_with(loading) {
            thread::yield_now();
        }
        admin
    };
    let reported = Reported { error: "LOADING", advice: "reading its data from disk: wait until it has" };
    let reloading = RefCell::new(None);
    begins(&server.url(), || drop(reloading.replace(Some(reload()))), || {}, reported).await;
    reloading.replace(Some(reload()));
    is_there(&server.url(), || {}, reported).await;
}

#[tokio::test]
async fn a_server_blocked_by_a_script() {
    let server = RedisServer::start_with(&["--busy-reply-threshold", "10"]);
    let script = RefCell::new(None);
    let fault = || {
        let mut admin = TcpStream::connect(addr(server.port())).unwrap();
        admin.write_all(b"EVAL \"while true do end\" 0\r\n").unwrap();
        script.replace(Some(admin));
    };
    let reported = Reported { error: "BUSY", advice: "end it with SCRIPT KILL" };
    begins(&server.url(), fault, || command(&server, &["SCRIPT", "KILL"]), reported).await;
}

#[tokio::test]
async fn a_password_that_is_missing() {
    let server = RedisServer::start();
    command(&server, &["ACL", "SETUSER", "keeper", "on", ">open", "~*", "&*", "+@all"]);
    set(&server, "requirepass", "secret");
    let reported = Reported { error: "NOAUTH", advice: "wants a password: put one into the address or beside it" };
    let mend = || {
        let mut keeper = TcpStream::connect(addr(server.port())).unwrap();
        keeper.write_all(b"AUTH keeper open\r\nCONFIG SET requirepass \"\"\r\n").unwrap();
        let replies: Vec<String> = BufReader::new(keeper).lines().take(2).map(Result::unwrap).collect();
        assert_eq!(replies, ["+OK", "+OK"]);
    };
    is_there(&server.admin_url(), mend, reported).await;
}

#[tokio::test]
async fn a_password_that_is_wrong() {
    let server = RedisServer::start();
    let url = server.url().replace("secret", "another-secret");
    let reported = Reported { error: "WRONGPASS", advice: "compare them with its ACL" };
    let accept = |server: &RedisServer| command(server, &["ACL", "SETUSER", "tests", ">another-secret"]);
    is_there(&url, || accept(&server), reported).await;
    // The same over RESP2, for which the client library hides the server's error message.
    let server = RedisServer::start_with(&["--rename-command", "HELLO", ""]);
    let url = server.url().replace("secret", "another-secret");
    is_there(&url, || accept(&server), Reported { error: "authentication failed", ..reported }).await;
}

/// Changes the password while the cache is connected, and closes its connections.
#[tokio::test]
async fn a_password_that_is_changed() {
    for arguments in [&[][..], &["--rename-command", "HELLO", ""]] {
        let server = RedisServer::start_with(arguments);
        command(&server, &["ACL", "SETUSER", "keeper", "on", ">open", "~*", "&*", "+@all"]);
        let change = |to: &str| {
            let mut keeper = TcpStream::connect(addr(server.port())).unwrap();
            let commands =
                ["AUTH keeper open", &format!("CONFIG SET requirepass \"{to}\""), "CLIENT KILL USER default"];
            keeper.write_all(format!("{}\r\n", commands.join("\r\n")).as_bytes()).unwrap();
            let replies: Vec<String> = BufReader::new(keeper).lines().take(3).map(Result::unwrap).collect();
            assert_eq!(replies[..2], ["+OK", "+OK"]);
        };
        let missing = Reported { error: "NOAUTH", advice: "wants a password: put one into the address or beside it" };
        begins(&server.admin_url(), || change("first"), || change(""), missing).await;
        let url = server.admin_url().replace("redis://", "redis://:first@");
        let error = if arguments.is_empty() { "WRONGPASS" } else { "authentication failed" };
        change("first");
        begins(&url, || change("second"), || change("first"), Reported { error, advice: "compare them with its ACL" })
            .await;
    }
}

#[tokio::test]
async fn a_database_that_the_server_does_not_have() {
    let few = RedisServer::start_with(&["--databases", "1"]);
    let reported =
        Reported { error: "DB index is out of range", advice: "no database with the number that is in the address" };
    let server = RedisServer::start();
    let proxy = FaultProxy::start(addr(few.port()));
    let url = format!("{}/1", proxy.url_like(&few.admin_url()));
    let correct = || {
        proxy.set_upstream(addr(server.port()));
        proxy.drop_connections();
    };
    is_there(&url, correct, reported).await;
}

#[tokio::test]
async fn a_server_in_protected_mode() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let protected = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ =
                client.write_all(b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n");
            let _ = client.read(&mut [0; 1024]);
        }
    });
    wrong_server(protected, Reported { error: "DENIED", advice: "the server is in protected mode" }).await;
}

#[tokio::test]
async fn a_user_without_a_right() {
    let server = RedisServer::start();
    let fault = || command(&server, &["ACL", "SETUSER", "tests", "-evalsha"]);
    let mend = || command(&server, &["ACL", "SETUSER", "tests", "+evalsha"]);
    let reported = Reported { error: "NOPERM", advice: "give it the rights that ENVIRONMENT.md lists" };
    begins(&server.url(), fault, mend, reported).await;
    fault();
    is_there(&server.url(), mend, reported).await;
}

#[tokio::test]
async fn a_node_of_a_cluster() {
    let node = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let reported = Reported { error: "C", advice: "the cluster is incomplete" };
    wrong_server(addr(node.port()), reported).await;
}

#[tokio::test]
async fn a_web_server() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let web = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    let reported = Reported { error: "", advice: "check that the address is that of a Redis server" };
    wrong_server(web, reported).await;
}

#[tokio::test]
async fn a_postgres() {
    let postgres = PostgresServer::shared();
    let reported =
        Reported { error: "", advice: "hangs up: check that it is a Redis server, and whether it expects TLS" };
    wrong_server(addr(postgres.port()), reported).await;
}

/// Directs the cache to the wrong server until the address is corrected.
async fn wrong_server(wrong: SocketAddr, reported: Reported) {
    let server = RedisServer::start();
    let proxy = FaultProxy::start(wrong);
    let correct = || {
        proxy.set_upstream(addr(server.port()));
        proxy.drop_connections();
    };
    is_there(&proxy.url_like(&server.url()), correct, reported).await;
}
