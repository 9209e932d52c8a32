//! Coherence between instances: the connection, the heartbeats, the journal, and the members.
//!
//! [`Coherence`] is the state that the engine, the supervisor and the bus share. Its parts are pure or keep one kind of state each;
//! `lifecycle` and `heartbeat` are the steps that touch several of them, in an order that is part of the consistency
//! promise.

mod bus;
mod circuit;
mod connection;
mod cut_off;
mod fleet;
mod heartbeat;
mod herd_guard;
#[cfg(all(test, shuttle))]
mod interleavings;
mod journal;
mod lifecycle;
mod link;
mod local_writers;
mod membership;
mod operator_log;
mod pending_writers;
mod signals;
mod supervision;
mod supervisor;

use std::sync::Arc;

#[cfg(test)]
pub(crate) use bus::Listener;
pub(crate) use connection::{Connection, WAITS};
pub(crate) use cut_off::Acknowledgement;
#[cfg(all(test, shuttle))]
pub(crate) use journal::Due;
pub(crate) use journal::{CAPACITY as JOURNAL_CAPACITY, Journal, Unreleased};
pub(crate) use link::{Link, LinkState};
pub(crate) use local_writers::LocalWriter;
pub(crate) use supervisor::supervise;

use self::cut_off::CutOff;
use self::herd_guard::HerdGuard;
use self::local_writers::LocalWriters;
use self::membership::Membership;
use self::pending_writers::PendingWriters;
use self::signals::Signals;
use self::supervision::Supervision;
use crate::freshness::Freshness;
use crate::process::Process;
use crate::protocol::{Epoch, Protection, ScopeHash};
use crate::runtime::sync::atomic::AtomicU64;

/// The state of one instance among those that share a tier.
#[derive(Debug)]
pub(crate) struct Coherence {
    pub(crate) process: Arc<Process>,
    pub(crate) link: Link,
    pub(crate) freshness: Freshness,
    pub(crate) journal: Journal,
    /// The state of the other members.
    pub(crate) membership: Membership,
    /// Registrations of writers whose targets are not known yet.
    pending_writers: PendingWriters,
    /// The writes in progress, without a shared tier.
    pub(crate) local_writers: Arc<LocalWriters>,
    pub(crate) herd_guard: HerdGuard,
    /// Tracks since when writes cannot be announced.
    pub(crate) cut_off: CutOff,
    /// Whether the supervisor's task runs.
    pub(crate) supervision: Supervision,
    pub(crate) signals: Signals,
    /// The number of received invalidations, for health and tests.
    pub(crate) invalidations: AtomicU64,
}

impl Coherence {
    pub(crate) fn new(process: Arc<Process>) -> Self {
        Self {
            link: Link::default(),
            freshness: Freshness::new(),
            journal: Journal::default(),
            membership: Membership::new(&process.instance, process.settings.recovery_barrier()),
            pending_writers: PendingWriters::default(),
            local_writers: Arc::default(),
            herd_guard: HerdGuard::default(),
            cut_off: CutOff::new(process.clock.now()),
            supervision: Supervision::default(),
            signals: Signals::default(),
            invalidations: AtomicU64::new(0),
            process,
        }
    }

    /// The connection, while its server responds.
    ///
    /// Writes are announced over it, whether this instance may read or not.
    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        self.link.open(self.process.clock.now())
    }

    /// The connection, outside the recovery barrier.
    fn settled_connection(&self) -> Option<Arc<Connection>> {
        self.connection().filter(|_| self.membership.is_settled())
    }

    /// The connection and epoch for reads of a namespace, if outside the recovery barrier.
    pub(crate) fn readable(&self, namespace: usize) -> Option<(Arc<Connection>, Epoch)> {
        let connection = self.settled_connection()?;
        let epoch = connection.epoch(namespace)?;
        Some((connection, epoch))
    }

    /// Whether the shared tier may be read.
    pub(crate) fn is_readable(&self) -> bool {
        self.settled_connection().is_some_and(|connection| connection.known_epochs() == self.link.namespace_count())
    }

    /// Whether both tiers may serve reads.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_readable() && self.freshness.is_trusted(self.process.clock.now())
    }

    /// Makes this instance a member of `namespace`; returns its index in order of joining.
    ///
    /// The local tier is not trusted until the bus of a new namespace is subscribed to and a heartbeat sent after that
    /// has returned. Writes are announced meanwhile.
    pub(crate) fn join(&self, namespace: &str) -> usize {
        let (place, is_new) = self.link.add_namespace(namespace);
        if is_new && self.process.backend.has_remote() {
            let heartbeats = self.link.heartbeats();
            self.freshness.distrust();
            drop(heartbeats);
            self.signals.joined.notify_one();
        }
        place
    }

    /// Schedules an early delivery after an announcement failed and was journaled.
    pub(crate) fn deliver_soon(&self) {
        self.cut_off.begin(self.process.clock.now());
        self.signals.due.notify_one();
    }

    /// Flushes the local tier, since invalidations may have been missed.
    fn flush(&self) {
        if self.process.protects(Protection::FlushOnLoss) {
            self.pending_writers.clear();
            self.freshness.flush();
        }
    }

    /// Records a writer registered on a method; `expiry` is in milliseconds of the server's clock.
    fn writer_registered(&self, method: ScopeHash, token: &str, expiry: u64) {
        let now = self.process.clock.now();
        // Without a connection the server's time is unknown, and the local tier is not trusted.
        let expiry = self.link.current().map_or(now, |connection| connection.moment_of(expiry, now));
        self.pending_writers.add(&self.freshness, method, token, expiry, now);
    }

    /// Invalidates the local entries of methods whose pending writers did not finish in time.
    fn expire_writers(&self) {
        if self.process.protects(Protection::PendingExpiry) {
            self.pending_writers.expire(&self.freshness, self.process.clock.now());
        }
    }
}
