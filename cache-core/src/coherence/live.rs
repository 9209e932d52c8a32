//! An open connection.

use std::sync::Arc;
use std::time::Duration;

use super::Epoch;
use crate::runtime::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use crate::runtime::sync::{Mutex, PoisonError};
use crate::runtime::{GRANULARITY, Moment};
use crate::tier::remote::Session;

/// An open connection to the shared tier.
///
/// Writes are announced over it. Reads use it too, once its heartbeats are answered and this instance is outside the
/// recovery barrier.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) session: Arc<dyn Session>,
    pub(super) number: u64,
    /// The epochs of the namespaces as of the last heartbeat reply, in order of joining.
    epochs: Mutex<Vec<Epoch>>,
    /// The server's clock as of the last reply, in milliseconds.
    seen: AtomicU64,
    /// Server milliseconds minus process milliseconds. It errs by at most a round trip, towards a later server time.
    server_ahead: AtomicI64,
}

impl Live {
    pub(crate) fn new(number: u64, session: Arc<dyn Session>) -> Self {
        let seen = AtomicU64::new(session.connected_at());
        Self { session, number, epochs: Mutex::default(), seen, server_ahead: AtomicI64::new(0) }
    }

    /// The epoch of a namespace, once a heartbeat reply has carried it.
    pub(crate) fn epoch(&self, namespace: usize) -> Option<Epoch> {
        self.epochs().get(namespace).copied()
    }

    /// The number of namespaces whose epoch is known.
    pub(super) fn known(&self) -> usize {
        self.epochs().len()
    }

    /// Stores the epochs of a reply; returns whether a known epoch changed.
    pub(super) fn set_epochs(&self, epochs: Vec<Epoch>) -> bool {
        let mut known = self.epochs();
        let changed = known.iter().zip(&epochs).any(|(before, now)| before != now);
        *known = epochs;
        changed
    }

    /// The server's clock in milliseconds.
    pub(crate) fn server_now(&self, now: Moment) -> u64 {
        now.as_millis().saturating_add_signed(self.server_ahead.load(Ordering::Relaxed))
    }

    /// The server's clock as of the last reply, in milliseconds.
    ///
    /// A heartbeat that the server executes a lease after that, because it lay in a buffer, proves nothing about its
    /// sender.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    pub(super) fn set_seen(&self, server_millis: u64) {
        self.seen.store(server_millis, Ordering::Relaxed);
    }

    /// The earliest moment at which the server's clock may reach `server_millis`.
    ///
    /// Returns `now` if that time has passed. Readings of this process's clock may lag, and the server's clock is only
    /// estimated.
    pub(crate) fn moment_of(&self, server_millis: u64, now: Moment) -> Moment {
        let left = Duration::from_millis(server_millis.saturating_sub(self.server_now(now)));
        now.after(left.saturating_sub(GRANULARITY))
    }

    pub(super) fn set_server_time(&self, server_millis: u64, asked_at: Moment) {
        let ahead = i128::from(server_millis) - i128::from(asked_at.as_millis());
        self.server_ahead.store(i64::try_from(ahead).unwrap_or(0), Ordering::Relaxed);
    }

    fn epochs(&self) -> crate::runtime::sync::MutexGuard<'_, Vec<Epoch>> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
