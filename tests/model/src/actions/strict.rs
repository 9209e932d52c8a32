//! Mode strict: the acknowledgement waits until every lease from before the release has ended.

use crate::configuration::{Counted, Mode, Variant};
use crate::state::Standing;
use crate::world::World;

impl World<'_> {
    fn is_strict(&self) -> bool {
        self.configuration.mode == Mode::Strict
    }

    /// The call of `WriteGuard::begin` has its reply, or has failed.
    pub(super) fn lock_placed(&mut self, writer: usize, placed: bool) {
        self.name_in_token(writer, placed);
        if self.is_strict() {
            self.state.writers[writer].cut_off = !placed && !self.state.down;
            if self.is(Variant::WaitFromLock) {
                self.begin_wait(writer);
            }
        }
    }

    pub(super) fn begin_wait(&mut self, writer: usize) {
        if self.is_strict() {
            self.state.writers[writer].waited = Some(0);
        }
    }

    /// Local hits must reflect the write from here on.
    ///
    /// An undelivered write is as good if no other instance has received anything since either.
    pub(super) fn promise_strictly(&mut self, writer: usize, delivered: bool) {
        let counted = self.configuration.counted;
        let is_strict = self.is_strict();
        let of = &mut self.state.writers[writer];
        let is_kept = delivered || self.state.down && !of.cut_off || counted == Counted::Acknowledged;
        (of.strict, of.waited, of.cut_off) = (is_strict && is_kept, None, false);
        of.shown = false;
    }

    /// Other instances may read the undelivered write's old value again: the documented loss.
    pub(super) fn lose_strictness(&mut self) {
        if self.configuration.members {
            return;
        }
        for writer in &mut self.state.writers {
            writer.strict &= writer.standing == Standing::Counts;
        }
    }
}
