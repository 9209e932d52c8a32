//! A replica that answers reads, and can be kept at an old state.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::RedisServer;

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(super) struct Replica {
    server: RedisServer,
    /// The offset at which the replica is kept.
    frozen_at: Mutex<Option<u64>>,
}

impl Replica {
    /// Starts a replica, and waits until it has the state of its primary.
    pub(super) fn of(primary: &RedisServer) -> Self {
        let server = RedisServer::start();
        let replica = Self { server, frozen_at: Mutex::new(None) };
        replica.thaw(primary);
        replica
    }

    pub(super) fn port(&self) -> u16 {
        self.server.port()
    }

    /// The offset of the state that it is kept at.
    pub(super) fn frozen_at(&self) -> Option<u64> {
        *self.frozen_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn freeze(&self) {
        let mut frozen_at = self.frozen_at.lock().unwrap_or_else(PoisonError::into_inner);
        // The offset before the change: a replica that becomes a primary counts on.
        *frozen_at = Some(offset(&self.server));
        self.server.command(&["REPLICAOF", "NO", "ONE"]);
    }

    pub(super) fn thaw(&self, primary: &RedisServer) {
        self.server.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
        let until = Instant::now() + PATIENCE;
        while !self.follows(primary) {
            assert!(Instant::now() < until, "the replica does not catch up");
            thread::sleep(PAUSE);
        }
        *self.frozen_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn follows(&self, primary: &RedisServer) -> bool {
        let is_up = info(&self.server).contains("master_link_status:up");
        is_up && offset(&self.server) >= offset(primary)
    }
}

fn info(server: &RedisServer) -> String {
    server.raw(&["INFO", "replication"]).unwrap_or_default()
}

/// How far a server is in the stream of writes.
fn offset(server: &RedisServer) -> u64 {
    offset_in(&info(server))
}

/// Finds the offset of a server in the text of `INFO replication`.
pub(super) fn offset_in(info: &str) -> u64 {
    let line = info.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}
