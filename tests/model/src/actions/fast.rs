//! Mode fast: `WriteGuard::release_behind`. The acknowledgement does not wait for the release.

use super::Successors;
use crate::configuration::{Counted, Variant};
use crate::state::{Phase, Standing};
use crate::world::World;

impl Successors<'_> {
    /// Between the advance of `WriteGuard::finish` and the entry in the journal.
    pub(super) fn acknowledge_early(&mut self, writer: usize, placed: bool) {
        self.act(format_args!("writer {}: leaves its release for later", writer + 1), |world| {
            world.leave_release(writer, placed);
        });
    }
}

impl World<'_> {
    /// The journal keeps the scopes until the release has ended.
    ///
    /// If the lock was lost, Redis may hold an old value.
    fn leave_release(&mut self, writer: usize, placed: bool) {
        let of = self.configuration.writers[writer];
        if !self.is(Variant::NoJournalBehind) {
            self.record_for(writer);
        }
        if self.is(Variant::NoAdvanceBehind) {
            self.acknowledge_as_it_is(writer, self.is_promised_early(placed));
        } else {
            self.acknowledge(writer, self.is_promised_early(placed));
        }
        if self.may_send(of.instance) {
            self.state.writers[writer].phase = Phase::Behind { left: of.scopes, placed };
        }
    }

    /// The lock keeps the promise for as long as it lives.
    fn is_promised_early(&self, placed: bool) -> bool {
        placed && self.configuration.counted != Counted::Released
    }

    /// RELEASE was applied to every scope.
    pub(super) fn released_behind(&mut self, writer: usize) {
        let at = self.configuration.writers[writer].instance;
        self.advance_own(at);
        self.instance(at).journal.forget(writer);
        self.state.writers[writer].phase = Phase::Over;
        if self.state.writers[writer].standing == Standing::Undelivered {
            self.count(writer, true);
        }
    }
}
