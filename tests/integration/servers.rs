//! The private servers: they accept their settings and end with their owners.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cache_tests::{PostgresServer, RedisServer};

const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn a_redis_is_empty_again_after_a_restart_on_the_same_port() {
    let mut redis = RedisServer::start();
    let port = redis.port();
    assert_eq!(redis.raw(&["SET", "key", "a value"]).unwrap(), "OK");
    assert_eq!(redis.raw(&["GET", "key"]).unwrap(), "a value");
    redis.kill();
    assert!(redis.raw(&["PING"]).is_err(), "no process listens");
    redis.restart();
    assert_eq!(redis.port(), port);
    assert_eq!(redis.raw(&["GET", "key"]).unwrap(), "(nil)");
    redis.stop();
    assert!(redis.raw(&["PING"]).is_err(), "no process listens");
}

#[test]
fn a_paused_redis_replies_after_it_resumes() {
    let mut redis = RedisServer::start();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).unwrap();
    redis.pause();
    stream.write_all(b"PING\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut reply = [0; 7];
    assert!(stream.read_exact(&mut reply).is_err(), "a paused server is silent");
    redis.resume();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+PONG\r\n");
}

#[test]
fn a_server_ends_with_its_value() {
    let ports = {
        let (redis, postgres) = (RedisServer::start(), PostgresServer::start());
        [redis.port(), postgres.port()]
    };
    assert!(ports.into_iter().all(is_closed), "{ports:?}");
}

/// A killed process runs no destructor.
#[test]
fn a_server_ends_with_its_killed_process() {
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "servers::owns_servers_until_it_is_killed"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let ports = ports_of(&mut owner);
    assert!(ports.iter().all(|port| !is_closed(*port)), "they run");
    owner.kill().unwrap();
    owner.wait().unwrap();
    let deadline = Instant::now() + DEADLINE;
    while !ports.iter().all(|port| is_closed(*port)) {
        assert!(Instant::now() < deadline, "a server outlived its owner: {ports:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn ports_of(owner: &mut Child) -> Vec<u16> {
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let ports =
        lines.map_while(Result::ok).find_map(|line| line.split_once("ports: ").map(|(_, ports)| ports.to_owned()));
    ports.expect("the process prints its ports").split(' ').map(|port| port.parse().unwrap()).collect()
}

#[test]
#[ignore = "the other half of a_server_ends_with_its_killed_process"]
fn owns_servers_until_it_is_killed() {
    let (redis, postgres) = (RedisServer::start(), PostgresServer::shared());
    println!("ports: {} {}", redis.port(), postgres.port());
    thread::sleep(DEADLINE);
}

fn is_closed(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
}
