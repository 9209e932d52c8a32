//! Mode strict: the acknowledgement waits until no instance can trust its local tier by a beat from before the release.

use super::Successors;
use crate::configuration::{Configuration, Counted, Mode, Variant};
use crate::state::{Phase, Standing};
use crate::world::World;

impl Successors<'_> {
    /// A write that has told all it had to tell, and waits.
    pub(super) fn wait_out(&mut self, writer: usize, told: bool) {
        if self.from.writers[writer].waited >= Some(self.configuration.wait()) {
            self.act(format_args!("writer {}: has waited out the lease", writer + 1), |world| {
                world.acknowledge(writer, told);
            });
        }
    }
}

impl Configuration {
    /// How long a strict write waits.
    fn wait(&self) -> u8 {
        match self.variant {
            Variant::NoWait => 0,
            Variant::ShortWait => self.lease - 1,
            _ => self.lease,
        }
    }
}

impl World<'_> {
    fn is_strict(&self) -> bool {
        self.configuration.mode == Mode::Strict
    }

    /// `Write::begin` has its answer, or none.
    pub(super) fn announced(&mut self, writer: usize, placed: bool) {
        self.name_in_token(writer, placed);
        if self.is_strict() {
            self.state.writers[writer].cut_off = !placed && !self.state.down;
            if self.is(Variant::WaitFromAnnouncement) {
                self.begin_wait(writer);
            }
        }
    }

    pub(super) fn begin_wait(&mut self, writer: usize) {
        if self.is_strict() {
            self.state.writers[writer].waited = Some(0);
        }
    }

    /// All has been told, or is remembered: what is left is to wait, in mode strict. From here, and not from the
    /// announcement: a release that finds its lock gone tells the bus a second time, and somebody may have kept locally
    /// what he had read before.
    pub(super) fn wait_or_acknowledge(&mut self, writer: usize, told: bool, placed: bool) {
        if !self.is_strict() {
            return self.acknowledge(writer, told);
        }
        self.advance_last(writer);
        self.state.writers[writer].cut_off |= !told && !placed && !self.state.down;
        if self.state.writers[writer].waited.is_none() {
            self.begin_wait(writer);
        }
        self.state.writers[writer].phase = Phase::Waits { told, placed };
    }

    /// Local hits must reflect the write from here on. One that Redis has not heard of is as good where nobody else has
    /// heard anything since either.
    pub(super) fn promise_strictly(&mut self, writer: usize, told: bool) {
        let counted = self.configuration.counted;
        let is_strict = self.is_strict();
        let of = &mut self.state.writers[writer];
        let is_kept = told || self.state.down && !of.cut_off || counted == Counted::Acknowledged;
        (of.strict, of.waited, of.cut_off) = (is_strict && is_kept, None, false);
    }

    /// Others may read again what could not be told: the documented loss.
    pub(super) fn lose_strictness(&mut self) {
        for writer in &mut self.state.writers {
            writer.strict &= writer.standing == Standing::Counts;
        }
    }
}
