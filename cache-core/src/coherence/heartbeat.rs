//! Heartbeats, and what their return and their replies prove.
//!
//! A heartbeat that returns over the bus proves that all earlier messages have arrived. The lease counts from the
//! moment at which it was sent, so that a slow return makes it shorter and never longer.

use std::time::Duration;

use super::herd_guard;
use super::link::Heartbeats;
use super::membership::Return;
use super::{Coherence, Connection};
use crate::protocol::{Epoch, Heartbeat, HeartbeatReply, Protection, TierConnection};
use crate::runtime::{GRANULARITY, Moment, random};

/// The interval for retrying refused deliveries and for polling awaited members.
const REDELIVERY: Duration = Duration::from_millis(250);

impl Coherence {
    /// Records that a heartbeat is about to be sent.
    ///
    /// The lease starts at this time, not at its return: all invalidations before it have been received when it
    /// returns, later ones have not.
    pub(crate) fn heartbeat_sent(&self) -> (u64, Moment) {
        let (nonce, now) = (random::token(), self.process.clock.now());
        let mut heartbeats = self.link.heartbeats();
        self.cut_off.probe(now);
        heartbeats.sent(nonce, now, self.process.clock.stopwatch());
        (nonce, now)
    }

    /// Handles a heartbeat that returned over the bus.
    pub(super) fn heartbeat_returned(&self, connection: u64, nonce: u64) {
        let mut heartbeats = self.link.heartbeats();
        let (namespaces, now) = (self.link.namespace_count(), self.process.clock.now());
        let Some(sent) = heartbeats.returned(connection, nonce, namespaces, now) else { return };
        // Under the lock: the last heartbeat of a connection that is being closed must not renew the lease.
        if self.membership.is_settled() {
            self.freshness.trust_until(self.lease_of(sent));
        }
        drop(heartbeats);
        self.signals.usable.notify_waiters();
    }

    /// Builds the next heartbeat.
    pub(super) fn next_heartbeat(&self, connection: &Connection, nonce: u64) -> Heartbeat {
        let seen = connection.seen();
        let pending = u64::try_from(self.journal.pending()).unwrap_or(u64::MAX);
        if pending == 0 {
            self.cut_off.all_clear(self.process.clock.now());
        }
        Heartbeat {
            nonce,
            namespaces: self.link.namespaces(),
            pending,
            settled: self.membership.is_settled(),
            seen,
            lease: self.process.settings.lease,
            announced: self.membership.is_awaited(pending),
            expired: self.membership.take_expired(),
        }
    }

    /// The time until the next scheduled heartbeat.
    pub(super) fn until_next_heartbeat(&self) -> Duration {
        let half = self.process.settings.lease / 2;
        if self.journal.pending() > 0 {
            return half.min(REDELIVERY);
        }
        if self.membership.is_settled() {
            return half;
        }
        let held = self.membership.hold().since(self.process.clock.now());
        if held.is_zero() { (half / 2).min(REDELIVERY) } else { half.min(held) }
    }

    /// The time limit of a heartbeat or a delivery.
    pub(crate) fn patience(&self) -> Duration {
        self.process.settings.lease.max(self.process.settings.write_timeout)
    }

    /// The time limit of a connection's first heartbeat. After the circuit has opened it is that of a read.
    pub(super) fn patience_with_probe(&self) -> Duration {
        let settings = &self.process.settings;
        let is_half_open = self.link.circuit.is_half_open(self.process.clock.now());
        if is_half_open { settings.read_timeout } else { settings.connect_timeout }
    }

    /// Processes the reply to the heartbeat sent at `sent`; returns the newly isolated members.
    pub(super) fn heartbeat_answered(
        &self,
        connection: &Connection,
        sent: Moment,
        heartbeat: &Heartbeat,
        reply: &HeartbeatReply,
    ) -> Vec<String> {
        let heartbeats = self.link.heartbeats();
        if heartbeats.connection != connection.number {
            return Vec::new();
        }
        connection.set_seen(reply.server_time);
        self.set_server_time(connection, reply.server_time, sent);
        self.enter_the_barrier_after_silence(&heartbeats);
        self.link.answered(sent, self.process.settings.lease);
        let epoch_of = |(epoch, _): &(String, _)| self.epoch_of(&*connection.tier, epoch);
        let epochs: Vec<Epoch> = reply.namespaces.iter().map(epoch_of).collect();
        let (run, now) = (connection.tier.run_id(), self.process.clock.now());
        self.guard_the_store(run, &epochs, now);
        let change = self.membership.observe(&heartbeat.namespaces, reply, run, now);
        // A reply as old as the lease proves nothing: the next one decides.
        let is_settled = change.may_settle && self.connection().is_some();
        // Before the new epochs can be read.
        if !is_settled {
            self.settle(&heartbeats, false);
        }
        if connection.set_epochs(epochs) || change.completeness_changed {
            self.flush();
        }
        self.settle(&heartbeats, is_settled);
        self.record_delivery(heartbeat);
        drop(heartbeats);
        self.signals.usable.notify_waiters();
        self.signals.delivered.notify_waiters();
        if change.is_stale {
            self.signals.due.notify_one();
        }
        change.newly_isolated
    }

    /// Enters the recovery barrier if the server has not replied for a lease.
    ///
    /// This instance has then missed writes of the others, although the connection stayed open. It does so before the
    /// reply makes the connection usable again: a read in between would be outside the barrier.
    fn enter_the_barrier_after_silence(&self, heartbeats: &Heartbeats) {
        if self.connection().is_none() {
            self.membership.connect();
            self.settle(heartbeats, false);
        }
    }

    /// Records whether the other members have seen pending invalidations, or everything was delivered.
    fn record_delivery(&self, heartbeat: &Heartbeat) {
        self.cut_off.answered(self.process.clock.now(), heartbeat.pending > 0);
        if heartbeat.pending == 0 && self.journal.pending() == 0 {
            self.cut_off.end();
        }
    }

    /// Enters or leaves the recovery barrier.
    ///
    /// Both flush the local tier: an invalidation that another member has delivered late may still be in transit on the
    /// bus.
    fn settle(&self, heartbeats: &Heartbeats, settled: bool) {
        if settled == self.membership.is_settled() {
            return;
        }
        if settled {
            self.flush();
            self.membership.set_settled(true);
            if let Some(last) = heartbeats.last {
                self.freshness.trust_until(self.lease_of(last.sent));
            }
        } else {
            self.membership.set_settled(false);
            self.freshness.distrust();
            self.flush();
        }
    }

    /// Protects the store when all instances return after an outage.
    ///
    /// If the epochs have changed, every entry is stale, and all instances would load from the store at once. A random
    /// pause spreads their loads.
    fn guard_the_store(&self, run: &str, epochs: &[Epoch], now: Moment) {
        let returned = self.membership.first_epochs(run, epochs);
        if returned == Return::None || !self.process.protects(Protection::HerdGuard) {
            return;
        }
        self.herd_guard.begin(now);
        if returned == Return::Emptied {
            self.membership.set_hold(now.after(herd_guard::pause(self.process.settings.lease)));
        }
    }

    /// Returns the end of the lease that a heartbeat sent at `sent` grants.
    fn lease_of(&self, sent: Moment) -> Moment {
        let lease = self.process.settings.lease.saturating_sub(GRANULARITY);
        if !self.process.protects(Protection::Lease) {
            return Moment::NEVER;
        }
        let from = if self.process.protects(Protection::LeaseFromSending) { sent } else { self.process.clock.now() };
        from.after(lease)
    }

    /// Returns the epoch on the server of this connection.
    fn epoch_of(&self, tier: &dyn TierConnection, namespace_epoch: &str) -> Epoch {
        let run = if self.process.protects(Protection::ServerEpoch) { tier.run_id() } else { "" };
        Epoch::of(run, namespace_epoch)
    }
}
