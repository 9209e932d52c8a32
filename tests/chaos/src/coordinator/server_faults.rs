//! The faults of the server. Each function returns when its fault has healed.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use cache_chaos::history::FaultKind;
use cache_tests::RedisServer;

/// The commands of which one is revoked.
///
/// They serve write locks, releases and heartbeats; fills; reads; messages that scripts publish.
const RIGHTS: [&str; 4] = ["-evalsha", "-set", "-mget", "-publish"];

/// The milliseconds after which a running script makes Redis answer `BUSY`.
pub(super) const BUSY_AFTER: &str = "100";

/// The age of the dump from which Redis restarts.
const DUMP_AGE: Duration = Duration::from_millis(700);
/// Runs until `SCRIPT KILL`.
const ENDLESS: &str = "while true do end";
/// The pause between two attempts to end a fault.
const AGAIN: Duration = Duration::from_millis(20);
/// How long a fault may take to heal.
const TO_HEAL: Duration = Duration::from_secs(30);

/// Postpones every command of every client.
pub(super) fn pause_clients(server: &RedisServer, lasts: Duration) {
    server.command(&["CLIENT", "PAUSE", &lasts.as_millis().to_string()]);
    wait_for_answers(server);
}

/// Makes Redis sleep inside a command.
pub(super) fn sleep_inside(server: &RedisServer, lasts: Duration) {
    // The answer may come after the timeout of the command.
    let _ = server.raw(&["DEBUG", "SLEEP", &format!("{:.3}", lasts.as_secs_f64())]);
    wait_for_answers(server);
}

/// The change of the rights of the processes' user that a fault makes, if it is a fault of rights.
pub(super) fn revoked(kind: FaultKind, draw: u64) -> Option<&'static str> {
    match kind {
        FaultKind::RightRevoked => Some(RIGHTS[usize::try_from(draw % RIGHTS.len() as u64).unwrap_or(0)]),
        FaultKind::ChannelsRevoked => Some("resetchannels"),
        FaultKind::KeysRevoked => Some("resetkeys"),
        _ => None,
    }
}

/// Deletes random keys of any kind, one after the other on each of these servers.
pub(super) fn evict(servers: &[&RedisServer], lasts: Duration) {
    let deadline = Instant::now() + lasts;
    while Instant::now() < deadline {
        for server in servers {
            // An empty server has none.
            if let Some(key) = server.raw(&["RANDOMKEY"]).ok().filter(|key| key != "(nil)") {
                server.command(&["DEL", &key]);
            }
        }
    }
}

/// Refuses writes for a while, for lack of memory or of replicas.
pub(super) fn refuse(server: &RedisServer, lasts: Duration, memory: bool) {
    let (setting, refused, usual) = if memory { ("maxmemory", "1", "0") } else { ("min-replicas-to-write", "9", "0") };
    server.command(&["CONFIG", "SET", setting, refused]);
    sleep(lasts);
    server.command(&["CONFIG", "SET", setting, usual]);
}

/// Runs an endless script and kills it after `lasts`.
pub(super) fn run_busy_script(server: &RedisServer, lasts: Duration) {
    thread::scope(|scope| {
        // The reply comes when the script is killed, unless the connection times out first.
        scope.spawn(|| server.raw(&["EVAL", ENDLESS, "0"]));
        sleep(lasts);
        // Redis does not answer before `BUSY_AFTER`, and refuses to kill a younger script.
        until("the script is killed", || {
            let answer = server.raw(&["SCRIPT", "KILL"]);
            answer.is_ok_and(|answer| !answer.starts_with('-') || answer.starts_with("-NOTBUSY"))
        });
    });
    wait_for_answers(server);
}

/// Makes a primary the replica of an absent server, and a primary again.
pub(super) fn demote(server: &RedisServer, lasts: Duration) {
    // No server listens on port 1: its service, tcpmux, is obsolete.
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    sleep(lasts);
    server.command(&["REPLICAOF", "NO", "ONE"]);
}

/// Writes the dump of an older state, from which [`restart_from_dump`](RedisServer::restart_from_dump) restarts.
pub(super) fn save(server: &RedisServer) {
    server.save();
    sleep(DUMP_AGE);
}

/// Suspends a server and resumes it.
pub(super) fn stop(server: &mut RedisServer, lasts: Duration) {
    server.pause();
    sleep(lasts);
    server.resume();
}

/// Kills a server and restarts it, empty or from its dump.
pub(super) fn kill(server: &mut RedisServer, lasts: Duration, keeps_dump: bool) {
    server.kill();
    sleep(lasts);
    if keeps_dump { server.restart_from_dump() } else { server.restart() }
}

fn wait_for_answers(server: &RedisServer) {
    until("Redis answers", || server.raw(&["PING"]).is_ok_and(|answer| answer == "PONG"));
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + TO_HEAL;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {TO_HEAL:?}");
        sleep(AGAIN);
    }
}
