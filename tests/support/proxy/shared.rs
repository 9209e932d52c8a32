//! The shared state of a proxy's threads: the faults, and the connections.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::{Connection, Ending};
use super::flow::{EachFlow, Flow};

/// The active faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) latency: EachFlow<Duration>,
    /// Whether forwarding is blocked.
    pub(super) silent: EachFlow<bool>,
    pub(super) slice: Option<usize>,
    /// A request that contains this is answered with a reset.
    pub(super) reset_after: Option<Arc<[u8]>>,
    /// The number of bytes for the clients until one connection is closed.
    pub(super) close_after: Option<usize>,
    /// How connections end as soon as their client sends something.
    pub(super) refused: Option<Ending>,
    /// The rules concern only the connections whose client has sent this at their beginning.
    pub(super) only: Option<Arc<[u8]>>,
}

impl Rules {
    fn concern(&self, connection: &Connection) -> bool {
        self.only.as_ref().is_none_or(|part| connection.began_with(part))
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) upstream: SocketAddr,
    pub(super) rules: Rules,
    pub(super) connections: HashMap<u64, Arc<Connection>>,
    pub(super) broken: u64,
    next: u64,
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Signals every change of the state, and every end of a connection.
    changed: Condvar,
}

impl Shared {
    pub(super) fn new(upstream: SocketAddr) -> Self {
        let state = State { upstream, rules: Rules::default(), connections: HashMap::new(), broken: 0, next: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    /// The active faults of a connection.
    pub(super) fn rules(&self, connection: &Connection) -> Rules {
        let state = self.lock();
        if state.rules.concern(connection) { state.rules.clone() } else { Rules::default() }
    }

    pub(super) fn add(&self, connection: &Arc<Connection>) -> u64 {
        self.update(|state| {
            state.next += 1;
            state.connections.insert(state.next, Arc::clone(connection));
            state.next
        })
    }

    /// Returns whether the connection is still open.
    ///
    /// The lock covers this check and the end of a connection, so one of the two sees the other.
    pub(super) fn connected(&self, connection: &Connection, server: TcpStream) -> io::Result<bool> {
        self.update(|_| connection.connected_to(server).map(|()| !connection.has_ended()))
    }

    pub(super) fn remove(&self, number: u64) {
        let removed = self.update(|state| state.connections.remove(&number));
        drop(removed);
    }

    /// Ends one connection. When this returns, only a write in progress may still be forwarded.
    pub(super) fn end(&self, connection: &Connection, ending: Ending) {
        self.update(|_| connection.end(ending));
    }

    /// Ends one connection because of a rule for single connections.
    pub(super) fn break_off(&self, connection: &Connection, ending: Ending) {
        self.update(|state| {
            state.broken += u64::from(!connection.has_ended());
            connection.end(ending);
        });
    }

    /// Ends every connection that the rules concern, and waits for the close of their sockets, which sends a reset.
    pub(super) fn end_all(&self, ending: Ending) {
        let ended: Vec<u64> = self.update(|state| {
            let State { connections, rules, .. } = state;
            let concerned = connections.iter().filter(|(_, connection)| rules.concern(connection));
            concerned.inspect(|(_, connection)| connection.end(ending)).map(|(number, _)| *number).collect()
        });
        let open = |state: &mut State| ended.iter().any(|number| state.connections.contains_key(number));
        drop(self.changed.wait_while(self.lock(), open));
    }

    /// Waits until `due` and while the flow is blocked; returns false after the connection's end.
    pub(super) fn wait(&self, flow: Flow, connection: &Connection, due: Instant) -> bool {
        let mut state = self.lock();
        while !connection.has_ended() {
            let left = due.saturating_duration_since(Instant::now());
            let is_silent = state.rules.silent[flow] && state.rules.concern(connection);
            state = match (is_silent, left) {
                (true, _) => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                (false, Duration::ZERO) => return true,
                (false, left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        false
    }

    /// How many of `bytes` the client may still receive, and whether the connection then closes.
    pub(super) fn allowance(&self, bytes: usize) -> (usize, bool) {
        let mut state = self.lock();
        match state.rules.close_after {
            None => (bytes, false),
            Some(left) if bytes < left => {
                state.rules.close_after = Some(left - bytes);
                (bytes, false)
            }
            Some(left) => {
                state.rules.close_after = None;
                (left, true)
            }
        }
    }
}
