//! The fault proxy: each fault has its documented effect and can be healed.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use cache_tests::{Direction, FaultProxy, RedisServer};

const DEADLINE: Duration = Duration::from_secs(20);
/// How long a test waits to conclude that a peer is silent.
const SILENCE: Duration = Duration::from_millis(100);

fn redis_behind_a_proxy() -> (RedisServer, FaultProxy) {
    let redis = RedisServer::start();
    let proxy = FaultProxy::start((Ipv4Addr::LOCALHOST, redis.port()));
    (redis, proxy)
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn send(stream: &mut TcpStream, command: &str) {
    stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
}

fn expect(stream: &mut TcpStream, reply: &str) {
    let mut bytes = vec![0; reply.len() + 2];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes).trim_end(), reply);
}

fn exchange(stream: &mut TcpStream, command: &str, reply: &str) {
    send(stream, command);
    expect(stream, reply);
}

fn expect_silence(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let read = stream.read(&mut [0]).map_err(|error| error.kind());
    assert!(matches!(read, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{read:?}");
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
}

fn expect_end(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it is closed in order");
}

fn expect_reset(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
}

fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < DEADLINE, "this did not happen: {what}");
        thread::yield_now();
    }
}

#[test]
fn it_forwards_everything_and_replaces_the_servers_address() {
    let (redis, proxy) = redis_behind_a_proxy();
    let mut client = connect(&proxy);
    exchange(&mut client, "SET key value", "+OK");
    assert_eq!(redis.raw(&["GET", "key"]).unwrap(), "value");
    assert_eq!(proxy.connections(), 1);
    drop(client);
    until("the connection is closed", || proxy.connections() == 0);
    let port = proxy.addr().port();
    for (url, expected) in [
        (redis.url(), format!("redis://tests:secret@127.0.0.1:{port}")),
        ("redis://host".to_owned(), format!("redis://127.0.0.1:{port}")),
        ("postgres://a:p%40q@h:5/db?x=@".to_owned(), format!("postgres://a:p%40q@127.0.0.1:{port}/db?x=@")),
    ] {
        assert_eq!(proxy.url_like(&url), expected);
    }
}

#[test]
fn latency_is_that_of_its_direction_and_adds_up() {
    let (_redis, mut proxy) = redis_behind_a_proxy();
    let mut client = connect(&proxy);
    let time = |client: &mut TcpStream| {
        let began = Instant::now();
        exchange(client, "PING", "+PONG");
        began.elapsed()
    };
    let latency = Duration::from_millis(60);
    proxy.latency(Direction::ToClient, latency);
    assert!(time(&mut client) >= latency);
    proxy.latency(Direction::ToServer, latency);
    assert!(time(&mut client) >= latency * 2);
    proxy.heal();
    // The quickest of many: the machine may be busy.
    assert!((0..20).map(|_| time(&mut client)).min().unwrap() < latency);
}

#[test]
fn a_cut_closes_refuses_and_heals_on_the_same_port() {
    let (_redis, mut proxy) = redis_behind_a_proxy();
    let addr = proxy.addr();
    let mut client = connect(&proxy);
    exchange(&mut client, "PING", "+PONG");
    proxy.cut();
    expect_end(&mut client);
    let refused = TcpStream::connect(addr).map_err(|error| error.kind());
    assert_eq!(refused.unwrap_err(), ErrorKind::ConnectionRefused);
    assert_ne!(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap(), addr);
    assert!(TcpListener::bind(addr).is_err(), "the port is kept for the proxy");
    proxy.heal();
    exchange(&mut connect(&proxy), "PING", "+PONG");
    proxy.cut_with_reset();
    proxy.heal();
    assert_eq!(proxy.addr(), addr);
    let mut client = connect(&proxy);
    exchange(&mut client, "PING", "+PONG");
    proxy.cut_with_reset();
    expect_reset(&mut client);
}

#[test]
fn dropped_connections_can_be_reopened_at_once() {
    let (_redis, proxy) = redis_behind_a_proxy();
    let mut client = connect(&proxy);
    exchange(&mut client, "PING", "+PONG");
    proxy.drop_connections();
    expect_end(&mut client);
    exchange(&mut connect(&proxy), "PING", "+PONG");
}

#[test]
fn a_request_over_a_half_open_connection_arrives_and_its_reply_waits() {
    let (redis, mut proxy) = redis_behind_a_proxy();
    let mut client = connect(&proxy);
    exchange(&mut client, "PING", "+PONG");
    proxy.half_open(Direction::ToClient);
    send(&mut client, "INCR counter");
    until("the request is carried out", || redis.raw(&["GET", "counter"]).unwrap() == "1");
    let mut another = connect(&proxy);
    send(&mut another, "INCR counter");
    until("the one of a new connection too", || redis.raw(&["GET", "counter"]).unwrap() == "2");
    expect_silence(&mut client);
    expect_silence(&mut another);
    proxy.heal();
    expect(&mut client, ":1");
    expect(&mut another, ":2");
}

#[test]
fn over_a_connection_half_open_in_both_directions_nothing_arrives_until_it_heals() {
    let (redis, mut proxy) = redis_behind_a_proxy();
    let mut client = connect(&proxy);
    exchange(&mut client, "PING", "+PONG");
    proxy.half_open(Direction::Both);
    let mut another = connect(&proxy);
    for stream in [&mut client, &mut another] {
        send(stream, "INCR counter");
        expect_silence(stream);
    }
    assert_eq!(redis.raw(&["GET", "counter"]).unwrap(), "(nil)");
    proxy.heal();
    for stream in [&mut client, &mut another] {
        stream.read_exact(&mut [0; 4]).unwrap();
    }
    assert_eq!(redis.raw(&["GET", "counter"]).unwrap(), "2");
    proxy.half_open(Direction::Both);
    proxy.cut();
    expect_end(&mut client);
}

#[test]
fn faults_of_some_clients_leave_the_others_alone() {
    let (_redis, mut proxy) = redis_behind_a_proxy();
    let (mut concerned, mut other) = (connect(&proxy), connect(&proxy));
    exchange(&mut concerned, "AUTH tests secret", "+OK");
    exchange(&mut other, "PING", "+PONG");
    proxy.only("secret");
    proxy.half_open(Direction::ToClient);
    // The user may not send PING.
    send(&mut concerned, "GET race:none");
    expect_silence(&mut concerned);
    exchange(&mut other, "PING", "+PONG");
    proxy.heal();
    expect(&mut concerned, "$-1");
    proxy.only("secret");
    proxy.cut();
    expect_end(&mut concerned);
    let mut again = connect(&proxy);
    send(&mut again, "AUTH tests secret");
    expect_end(&mut again);
    exchange(&mut other, "PING", "+PONG");
    exchange(&mut connect(&proxy), "PING", "+PONG");
    proxy.heal();
    exchange(&mut connect(&proxy), "AUTH tests secret", "+OK");
}

#[test]
fn slices_arrive_separately_and_completely() {
    let (upstream, reads) = recorder();
    let proxy = FaultProxy::start(upstream);
    let mut client = connect(&proxy);
    let text: Vec<u8> = (0..=255).cycle().take(1000).collect();
    client.write_all(&text).unwrap();
    let whole = collect(&reads, text.len());
    assert_eq!(whole.concat(), text);
    proxy.slice(3);
    client.write_all(&text).unwrap();
    let pieces = collect(&reads, text.len());
    assert_eq!(pieces.concat(), text);
    assert!(pieces.len() > 10 * whole.len(), "{} and {}", pieces.len(), whole.len());
}

#[test]
fn a_reset_replaces_the_reply_to_the_chosen_request() {
    let (redis, mut proxy) = redis_behind_a_proxy();
    let (mut client, mut bystander) = (connect(&proxy), connect(&proxy));
    exchange(&mut bystander, "PING", "+PONG");
    proxy.reset_after_send("chosen");
    exchange(&mut client, "INCR other", ":1");
    // In two parts, which the proxy may receive separately.
    client.write_all(b"INCR cho").unwrap();
    client.write_all(b"sen\r\n").unwrap();
    expect_reset(&mut client);
    assert_eq!(redis.raw(&["GET", "chosen"]).unwrap(), "1", "it was executed");
    assert_eq!(proxy.broken(), 1);
    exchange(&mut bystander, "PING", "+PONG");
    proxy.heal();
    exchange(&mut bystander, "INCR chosen", ":2");
}

#[test]
fn a_connection_closes_at_the_given_byte() {
    let (_redis, proxy) = redis_behind_a_proxy();
    let mut client = connect(&proxy);
    exchange(&mut client, "PING", "+PONG");
    proxy.close_after(10);
    exchange(&mut client, "PING", "+PONG");
    send(&mut client, "PING");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"+PO");
    assert_eq!(proxy.broken(), 1);
    exchange(&mut connect(&proxy), "PING", "+PONG");
}

#[test]
fn after_a_switch_only_new_connections_reach_the_new_server() {
    let (old, proxy) = redis_behind_a_proxy();
    let new = RedisServer::start();
    let mut client = connect(&proxy);
    exchange(&mut client, "SET key old", "+OK");
    proxy.set_upstream((Ipv4Addr::LOCALHOST, new.port()));
    exchange(&mut client, "APPEND key er", ":5");
    exchange(&mut connect(&proxy), "SET key new", "+OK");
    assert_eq!([old, new].map(|server| server.raw(&["GET", "key"]).unwrap()), ["older", "new"]);
}

#[test]
fn a_proxy_without_a_server_keeps_no_client_waiting() {
    let (mut redis, proxy) = redis_behind_a_proxy();
    redis.kill();
    let mut client = connect(&proxy);
    expect_reset(&mut client);
    redis.restart();
    exchange(&mut connect(&proxy), "PING", "+PONG");
}

/// A server that reports the bytes of each of its reads.
fn recorder() -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let (sender, reads) = channel();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = client.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    (addr, reads)
}

fn collect(reads: &Receiver<Vec<u8>>, bytes: usize) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    while pieces.iter().map(Vec::len).sum::<usize>() < bytes {
        pieces.push(reads.recv_timeout(DEADLINE).unwrap());
    }
    pieces
}
