//! The link to the shared tier: the current connection, its heartbeats, and its state.
//!
//! A connection has a number, and errors and heartbeats of an earlier number are ignored: they cannot act on its
//! successor. Invalidations are applied whatever connection they arrive over. It is open for writes before it is readable, and readable before the local tier is trusted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::Connection;
use super::circuit::Circuit;
use crate::runtime::sync::atomic::{AtomicU64, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};
use crate::runtime::{GRANULARITY, Moment, Stopwatch};

/// The most heartbeats in transit. More than two already mean that the connection is probably lost.
const MAX_HEARTBEATS: usize = 4;

/// The state of the connection, as the supervisor reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum LinkState {
    /// The cache has no shared tier.
    #[default]
    Absent,
    Connecting,
    Up,
    Down(String),
    /// The server replies with errors or too late: the circuit is open.
    CircuitOpen(String),
    /// The cache was shut down.
    ShutDown,
}

/// The current connection to the shared tier, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// The number of the last connection.
    numbers: AtomicU64,
    current: ArcSwapOption<Connection>,
    /// The moment until which the server counts as responsive, in nanoseconds of the process clock.
    answered_until: AtomicU64,
    heartbeats: Mutex<Heartbeats>,
    namespaces: Mutex<Vec<String>>,
    state: Mutex<LinkState>,
    pub(super) circuit: Circuit,
}

/// The heartbeats of the current connection.
///
/// Its lock also orders the begin and the end of a connection with everything that follows from them. The lock of the
/// namespaces is taken after it, never before.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    /// The number of the connection whose heartbeats count; 0 while there is none.
    pub(super) connection: u64,
    /// The number of subscribed namespaces. While there are more namespaces, a heartbeat proves nothing.
    subscribed: usize,
    in_transit: VecDeque<InTransit>,
    pub(super) last: Option<LastHeartbeat>,
}

/// A heartbeat that was sent.
#[derive(Debug)]
struct InTransit {
    nonce: u64,
    sent: Moment,
    watch: Stopwatch,
}

/// The last heartbeat that returned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastHeartbeat {
    pub(crate) sent: Moment,
    pub(crate) returned: Moment,
    /// The time between the two, measured with the finer clock.
    pub(crate) rtt: Duration,
}

impl Heartbeats {
    /// Records that a heartbeat is about to be sent.
    pub(super) fn sent(&mut self, nonce: u64, sent: Moment, watch: Stopwatch) {
        if self.in_transit.len() == MAX_HEARTBEATS {
            self.in_transit.pop_front();
        }
        self.in_transit.push_back(InTransit { nonce, sent, watch });
    }

    /// Records that a heartbeat returned; returns when it was sent, unless it proves nothing.
    pub(super) fn returned(&mut self, connection: u64, nonce: u64, namespaces: usize, now: Moment) -> Option<Moment> {
        let at = self.in_transit.iter().position(|known| known.nonce == nonce)?;
        if self.connection != connection || self.subscribed != namespaces {
            return None;
        }
        let InTransit { sent, watch, .. } = self.in_transit.drain(..=at).next_back()?;
        self.last = Some(LastHeartbeat { sent, returned: now, rtt: watch.elapsed() });
        Some(sent)
    }

    /// Ends the connection; returns whether one of its heartbeats had returned.
    pub(super) fn end(&mut self) -> bool {
        self.connection = 0;
        self.in_transit.clear();
        self.last.is_some()
    }
}

impl Link {
    /// The connection, while its server responds.
    pub(crate) fn open(&self, now: Moment) -> Option<Arc<Connection>> {
        let connection = self.current.load_full()?;
        (now.0 < self.answered_until.load(Ordering::Acquire)).then_some(connection)
    }

    /// The connection, whether its server responds or not.
    pub(super) fn current(&self) -> Option<Arc<Connection>> {
        self.current.load_full()
    }

    pub(super) fn set_current(&self, connection: &Arc<Connection>) {
        self.current.store(Some(Arc::clone(connection)));
    }

    /// Removes the connection, and returns it.
    pub(super) fn take_current(&self) -> Option<Arc<Connection>> {
        let connection = self.current.swap(None);
        self.answered_until.store(0, Ordering::Release);
        connection
    }

    /// Records a reply to a request that was sent at `asked_at`: the server counts as responsive for a lease.
    pub(super) fn answered(&self, asked_at: Moment, lease: Duration) {
        let lease = lease.saturating_sub(GRANULARITY);
        self.answered_until.fetch_max(asked_at.after(lease).0, Ordering::AcqRel);
    }

    /// Returns the number of a new connection.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Starts counting the heartbeats of a new connection.
    pub(super) fn begin(&self, connection: u64) {
        *self.heartbeats() = Heartbeats { connection, ..Heartbeats::default() };
    }

    pub(super) fn is_begun(&self, connection: u64) -> bool {
        self.heartbeats().connection == connection
    }

    /// Records a subscription to the first `count` namespaces; only heartbeats sent after it count.
    pub(super) fn subscribed(&self, count: usize) {
        let mut heartbeats = self.heartbeats();
        heartbeats.subscribed = count;
        heartbeats.in_transit.clear();
    }

    /// Whether the connection is subscribed to every namespace.
    pub(super) fn is_subscribed(&self) -> bool {
        self.heartbeats().subscribed == self.namespace_count()
    }

    pub(crate) fn last_heartbeat(&self) -> Option<LastHeartbeat> {
        self.heartbeats().last
    }

    pub(super) fn heartbeats(&self) -> MutexGuard<'_, Heartbeats> {
        lock(&self.heartbeats)
    }

    /// Adds a namespace, unless it is known; returns its index in order of joining, and whether it is new.
    pub(super) fn add_namespace(&self, namespace: &str) -> (usize, bool) {
        let mut namespaces = lock(&self.namespaces);
        if let Some(place) = namespaces.iter().position(|known| known == namespace) {
            return (place, false);
        }
        namespaces.push(namespace.to_owned());
        (namespaces.len() - 1, true)
    }

    pub(crate) fn namespaces(&self) -> Vec<String> {
        lock(&self.namespaces).clone()
    }

    pub(super) fn namespace_count(&self) -> usize {
        lock(&self.namespaces).len()
    }

    pub(crate) fn state(&self) -> LinkState {
        lock(&self.state).clone()
    }

    pub(crate) fn set_state(&self, state: LinkState) {
        *lock(&self.state) = state;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
