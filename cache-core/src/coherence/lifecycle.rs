//! The begin and the end of connections.
//!
//! The lock of the heartbeats orders the change of the current connection with the lease, so that no heartbeat of a
//! connection that ends can renew it. Notifications and the flush of the local tier follow after the lock.

use std::sync::Arc;

use super::{Coherence, Connection};
use crate::protocol::{Protection, TierConnection, TierError};
use crate::runtime::Moment;

impl Coherence {
    /// Starts counting the heartbeats of this connection.
    pub(crate) fn begin_connection(&self, number: u64) {
        self.cut_off.probe(self.process.clock.now());
        self.signals.delivered.notify_waiters();
        self.link.begin(number);
    }

    /// Starts announcing writes over this connection, unless it is already closed.
    ///
    /// `asked_at` is the time of the first request to its server.
    pub(super) fn announce_over(&self, connection: &Arc<Connection>, asked_at: Moment) {
        let heartbeats = self.link.heartbeats();
        if heartbeats.connection == connection.number {
            self.set_server_time(connection, connection.seen(), asked_at);
            self.link.answered(asked_at, self.process.settings.lease);
            self.link.set_current(connection);
        }
        drop(heartbeats);
    }

    /// Records the server's time from a reply to a request that was sent at `asked_at`.
    pub(super) fn set_server_time(&self, connection: &Connection, server_millis: u64, asked_at: Moment) {
        if self.process.protects(Protection::ServerClock) {
            connection.set_server_time(server_millis, asked_at);
        }
    }

    /// Records a successful command.
    pub(crate) fn succeeded(&self) {
        self.link.circuit.succeeded(|| self.process.clock.now());
    }

    /// Records the error of a command.
    ///
    /// A lost connection, or too many errors of other kinds, closes the connection. Errors of commands that were still
    /// in progress on an earlier connection are ignored.
    pub(crate) fn failed(&self, connection: &Connection, error: &TierError) {
        let closes = self.link.is_begun(connection.number)
            && (error.is_disconnection() || self.link.circuit.failed(error, self.process.clock.now()));
        if closes {
            self.close_connection(connection.number);
        }
    }

    /// Closes a connection, unless another one has replaced it.
    ///
    /// From then on the local tier is not trusted, and its earlier entries are never returned.
    ///
    /// A load may hold the connection for as long as it runs, so the network connections are closed here and not when
    /// its last handle is dropped.
    pub(crate) fn close_connection(&self, number: u64) {
        if let Some(connection) = self.end_connection(number) {
            connection.tier.close();
        }
    }

    /// Ends the use of the current connection permanently, and returns it.
    ///
    /// Unless it is closed, it ends when its remaining users, such as [`leaving`](Self::leaving), are done.
    pub(crate) fn shut(&self) -> Option<Arc<Connection>> {
        let number = self.link.heartbeats().connection;
        let connection = self.end_connection(number);
        self.freshness.distrust();
        connection
    }

    /// Ends the use of a connection, and returns it if there was one.
    fn end_connection(&self, number: u64) -> Option<Arc<Connection>> {
        let mut heartbeats = self.link.heartbeats();
        if heartbeats.connection != number {
            return None;
        }
        let was_trusted = heartbeats.end();
        let connection = self.link.take_current();
        self.membership.set_settled(false);
        self.cut_off.failed();
        self.cut_off.begin(self.process.clock.now());
        self.freshness.distrust();
        drop(heartbeats);
        self.signals.delivered.notify_waiters();
        // A failed attempt keeps the entries that were loaded without it.
        if was_trusted {
            self.flush();
        }
        self.signals.lost.notify_one();
        connection
    }

    /// A future that removes this instance from the members, if it is one.
    ///
    /// The future holds the connection until it completes, and returns it.
    pub(crate) fn leaving(&self) -> Option<impl Future<Output = Arc<dyn TierConnection>> + Send + 'static> {
        // An instance that leaves with pending invalidations must count as crashed.
        let connection = self.connection().filter(|_| self.journal.pending() == 0)?;
        let (clock, limit) = (self.process.clock.clone(), self.process.settings.last_step());
        let namespaces = self.link.namespaces();
        Some(async move {
            // A failure is ignored: the other members detect the missing heartbeats.
            let _ = clock.timeout(limit, connection.tier.leave(&namespaces)).await;
            Arc::clone(&connection.tier)
        })
    }

    /// Removes this instance from the members.
    pub(crate) async fn leave(&self) {
        if let Some(leaving) = self.leaving() {
            drop(leaving.await);
        }
    }
}
