//! Late acknowledgements: in mode strict every write, in other modes an undelivered one.

use super::Successors;
use crate::configuration::{Configuration, Mode, Variant};
use crate::state::Phase;
use crate::world::World;

impl Successors<'_> {
    /// Acknowledges a waiting write whose scopes are all delivered or journaled.
    pub(super) fn wait_out(&mut self, writer: usize, delivered: bool) {
        let of = self.configuration.writers[writer];
        let is_delivered = delivered || !self.from.instances[of.instance].journal.holds(of.journaled());
        let waited = self.from.writers[writer].waited.unwrap_or_default();
        let is_over =
            if is_delivered { waited >= self.configuration.wait() } else { self.is_late_enough(writer, waited) };
        if is_over {
            let name = writer + 1;
            let how = match (is_delivered, self.configuration.mode) {
                (true, Mode::Strict) => "has waited out the lease",
                (true, _) => "its invalidations are delivered",
                (false, _) => "has waited without a delivery",
            };
            self.act(format_args!("writer {name}: {how}"), |world| {
                world.acknowledge(writer, delivered);
                world.count_delivered();
            });
        }
    }

    /// Every other instance has lost its lease or knows of the pending invalidation.
    fn is_late_enough(&self, writer: usize, waited: u8) -> bool {
        let Configuration { lease, mode, members, variant, .. } = *self.configuration;
        let at = self.configuration.writers[writer].instance;
        let barrier = self.from.instances[at].barrier;
        let out = barrier.unanswered.unwrap_or_default();
        if mode == Mode::Strict {
            // Other instances notice late that this one alone cannot reach Redis. Redis may execute its last heartbeat
            // a lease after the failure, the silence shows a lease later, and an instance that sent its own heartbeat
            // just before that keeps its trust for a third lease.
            let leases = match variant {
                Variant::StrictOneLease => 1,
                Variant::StrictTwoLeases => 2,
                _ => 3,
            };
            return waited.max(out) >= leases * lease;
        }
        let is_shown = self.from.writers[writer].shown && waited >= lease;
        match variant {
            Variant::NoLateAcknowledgement | Variant::LockNeedsLease => true,
            Variant::WaitFromBegin => waited >= lease && self.from.is_unreachable(at) || is_shown,
            Variant::AcknowledgedByClock => waited.max(out) >= lease,
            _ if members => barrier.in_vain || is_shown,
            _ => waited >= lease,
        }
    }
}

impl Configuration {
    /// How long a delivered write waits.
    fn wait(&self) -> u8 {
        match (self.mode, self.variant) {
            (Mode::Fast | Mode::Safe, _) | (_, Variant::NoWait) => 0,
            (_, Variant::ShortWait) => self.lease - 1,
            _ => self.lease,
        }
    }
}

impl World<'_> {
    /// Starts the wait of a write with all scopes delivered or journaled, or acknowledges it.
    ///
    /// The wait counts from here and not from the write lock: a release that finds its lock gone publishes a second
    /// message, and another instance may have kept an older value locally before that.
    pub(super) fn wait_or_acknowledge(&mut self, writer: usize, delivered: bool, placed: bool) {
        let is_strict = self.configuration.mode == Mode::Strict;
        if delivered && !is_strict {
            return self.acknowledge(writer, true);
        }
        self.advance_last(writer);
        if is_strict {
            self.state.writers[writer].cut_off |= !delivered && !placed && !self.state.down;
        }
        if self.state.writers[writer].waited.is_none() {
            self.state.writers[writer].waited = Some(0);
        }
        self.state.writers[writer].phase = Phase::Waits { delivered, placed };
    }

    /// Restarts the waits of an instance's writes when its journal is delivered.
    pub(super) fn wait_after_journal(&mut self, at: usize) {
        let journal = self.state.instances[at].journal;
        for (writer, of) in self.state.writers.iter_mut().zip(self.configuration.writers) {
            let waits = matches!(writer.phase, Phase::Waits { delivered: false, .. });
            if of.instance == at && waits && !journal.holds(of.journaled()) {
                (writer.waited, writer.shown) = (Some(0), false);
            }
        }
    }
}
