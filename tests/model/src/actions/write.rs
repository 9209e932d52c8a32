//! `WriteGuard::begin`, the store, `WriteGuard::finish`, `WriteGuard::drop`, and `announce::invalidate`.

use super::Successors;
use crate::configuration::{Counted, Kind, Mode, Variant};
use crate::state::{Link, Phase, Scopes, Standing};
use crate::world::World;

impl Successors<'_> {
    pub(super) fn write(&mut self, writer: usize) {
        let name = writer + 1;
        let is_reached = self.is_reached(writer);
        match self.from.writers[writer].phase {
            Phase::Begins => {
                let at = self.configuration.writers[writer].instance + 1;
                self.act(format_args!("writer {name} on instance {at}: begins"), |world| world.begin_write(writer));
            }
            Phase::Places(left) if is_reached => {
                let Some((scope, left)) = left.split() else { return };
                let script = self.first_script(writer);
                self.act(format_args!("writer {name}: {script} on {}", scope_name(scope)), |world| {
                    world.send_first(writer, scope);
                    world.state.writers[writer].phase = Phase::Places(left);
                    if left.is_empty() {
                        world.state.writers[writer].phase = Phase::Writes { placed: true };
                        world.lock_placed(writer, true);
                    }
                });
                self.time_out(writer, left.with(scope));
            }
            Phase::Writes { placed } => {
                self.commit(writer, Phase::Committed { placed });
            }
            Phase::Committed { placed } => {
                self.act(format_args!("writer {name}: finishes"), |world| world.finish(writer, placed));
            }
            Phase::Releases { left, placed } if is_reached => {
                let Some((scope, left)) = left.split() else { return };
                let script = self.last_script(writer);
                self.act(format_args!("writer {name}: {script} on {}", scope_name(scope)), |world| {
                    world.send_last(writer, scope);
                    world.state.writers[writer].phase = Phase::Releases { left, placed };
                    if left.is_empty() {
                        world.last_delivered(writer, placed);
                    }
                });
                self.time_out(writer, left.with(scope));
            }
            Phase::Unregisters { placed } if is_reached => self.unregister(writer, placed),
            Phase::Leaves { placed } => self.acknowledge_early(writer, placed),
            Phase::Behind { left, placed } if is_reached => {
                let Some((scope, left)) = left.split() else { return };
                self.act(format_args!("writer {name}: RELEASE on {}, behind", scope_name(scope)), |world| {
                    world.send_last(writer, scope);
                    world.state.writers[writer].phase = Phase::Behind { left, placed };
                    if left.is_empty() {
                        world.released_behind(writer);
                    }
                });
                self.time_out(writer, left.with(scope));
            }
            Phase::Places(_) | Phase::Releases { .. } | Phase::Unregisters { .. } | Phase::Behind { .. } => {
                self.act(format_args!("writer {name}: Redis does not answer"), |world| world.give_up(writer));
            }
            Phase::Gone { placed, repeats } => {
                if self.from.writers[writer].version == 0 {
                    self.commit(writer, Phase::Gone { placed, repeats });
                }
                if self.is_time_over(writer) {
                    self.act(format_args!("writer {name}: a lock's lifetime has passed"), |world| {
                        world.time_over(writer, placed, repeats);
                    });
                }
            }
            Phase::Leftover => {
                self.act(format_args!("writer {name}: its locks expire"), |world| {
                    world.expire(writer);
                    world.state.writers[writer].phase = Phase::Over;
                });
            }
            Phase::Waits { delivered, .. } => self.wait_out(writer, delivered),
            Phase::Over => {}
        }
    }

    /// A lock lives longer than the lease, which matters in mode strict.
    fn is_time_over(&self, writer: usize) -> bool {
        let of = &self.from.writers[writer];
        if self.configuration.writers[writer].kind == Kind::ByResult && self.configuration.has_clock() {
            return of.message_age.is_none_or(|age| age >= self.configuration.lease);
        }
        self.from.writers[writer].waited.is_none_or(|age| age >= self.configuration.lease)
    }

    fn commit(&mut self, writer: usize, phase: Phase) {
        let version = self.from.database + 1;
        self.act(format_args!("writer {}: commits v{version}", writer + 1), |world| {
            world.state.database = version;
            world.state.writers[writer].version = version;
            world.state.writers[writer].phase = phase;
        });
    }

    /// The writer stops waiting for its pipeline's rest, applied completely or not at all.
    fn time_out(&mut self, writer: usize, left: Scopes) {
        if self.from.faults.timeouts == 0 {
            return;
        }
        let name = writer + 1;
        let is_first = matches!(self.from.writers[writer].phase, Phase::Places(_));
        let script = if is_first { self.first_script(writer) } else { self.last_script(writer) };
        self.act(format_args!("writer {name}: {script} times out, not applied"), |world| {
            world.state.faults.timeouts -= 1;
            world.give_up(writer);
        });
        self.act(format_args!("writer {name}: {script} times out, applied"), |world| {
            world.state.faults.timeouts -= 1;
            for scope in left.iter() {
                if is_first { world.send_first(writer, scope) } else { world.send_last(writer, scope) }
            }
            world.give_up(writer);
        });
    }

    fn last_script(&self, writer: usize) -> &'static str {
        match self.configuration.writers[writer].kind {
            Kind::Locks => "RELEASE",
            Kind::Invalidates | Kind::ByResult => "INVALIDATE",
        }
    }

    fn first_script(&self, writer: usize) -> &'static str {
        if self.configuration.writers[writer].kind == Kind::ByResult { "REGISTER" } else { "LOCK" }
    }

    fn is_reached(&self, writer: usize) -> bool {
        let link = self.from.instances[self.configuration.writers[writer].instance].link;
        !self.from.stalled && !matches!(link, Link::Absent | Link::Down | Link::Lost)
    }
}

/// The scope of the whole method.
pub(super) const WIDE: usize = 1;

fn scope_name(scope: usize) -> &'static str {
    ["its own scope", "the wide scope"][scope]
}

impl World<'_> {
    /// `WriteGuard::begin` up to the round trip.
    fn begin_write(&mut self, writer: usize) {
        let of = self.configuration.writers[writer];
        if self.is(Variant::WaitFromBegin) {
            self.state.writers[writer].waited = Some(0);
        }
        if of.kind == Kind::Invalidates {
            self.state.writers[writer].phase = Phase::Writes { placed: false };
            return;
        }
        if of.kind == Kind::Locks {
            self.advance_own(of.instance);
        }
        if !self.configuration.shared {
            self.state.writers[writer].phase = Phase::Writes { placed: false };
            return;
        }
        self.state.writers[writer].phase = Phase::Places(self.reach(writer));
        if !self.may_send(of.instance) {
            self.give_up(writer);
        }
    }

    /// `WriteGuard::finish` up to the round trip, or all of `announce::invalidate` up to it.
    fn finish(&mut self, writer: usize, placed: bool) {
        let of = self.configuration.writers[writer];
        self.advance_own(of.instance);
        if !self.configuration.shared {
            return self.acknowledge(writer, true);
        }
        if self.configuration.mode == Mode::Fast && of.kind == Kind::Locks && placed {
            self.state.writers[writer].phase = Phase::Leaves { placed };
            return;
        }
        self.state.writers[writer].phase = if of.kind == Kind::ByResult && self.is(Variant::UnregisterFirst) {
            Phase::Unregisters { placed }
        } else {
            Phase::Releases { left: of.scopes, placed }
        };
        if !self.may_send(of.instance) {
            self.give_up(writer);
        }
    }

    fn send_first(&mut self, writer: usize, scope: usize) {
        if self.is_by_result(writer) { self.register_writer(writer) } else { self.lock(writer, scope) }
    }

    /// Continues a write whose last scope has been delivered.
    fn last_delivered(&mut self, writer: usize, placed: bool) {
        self.name_invalidation_in_token(writer);
        if self.is_by_result(writer) && !self.is(Variant::UnregisterFirst) {
            self.state.writers[writer].phase = Phase::Unregisters { placed };
        } else {
            self.wait_or_acknowledge(writer, true, placed);
        }
    }

    fn send_last(&mut self, writer: usize, scope: usize) {
        match self.configuration.writers[writer].kind {
            Kind::Locks => self.release(writer, scope),
            Kind::Invalidates | Kind::ByResult => {
                self.invalidate(scope);
                self.published(writer);
            }
        }
    }

    /// The delivery fails: the scopes are journaled, and the write continues.
    pub(super) fn give_up(&mut self, writer: usize) {
        let of = self.configuration.writers[writer];
        let phase = self.state.writers[writer].phase;
        let is_unregistered = matches!(phase, Phase::Places(_)) && self.is_by_result(writer);
        let is_delivered = matches!(phase, Phase::Unregisters { .. }) && !self.is(Variant::UnregisterFirst);
        if !matches!(phase, Phase::Behind { .. }) && !is_unregistered && !is_delivered {
            self.record(of.instance, of.scopes);
        }
        if self.state.is_unreachable(of.instance) && self.configuration.counts_unanswered(of.instance) {
            self.instance(of.instance).barrier.unanswered.get_or_insert(0);
        }
        match self.state.writers[writer].phase {
            Phase::Places(_) => {
                self.state.writers[writer].phase = Phase::Writes { placed: false };
                self.lock_placed(writer, false);
            }
            Phase::Releases { placed, .. } => self.wait_or_acknowledge(writer, false, placed),
            // The registration stays, and its expiry invalidates once more.
            Phase::Unregisters { placed } => self.wait_or_acknowledge(writer, is_delivered, placed),
            // Invalidations journaled after its acknowledgement stay in the journal.
            _ => self.state.writers[writer].phase = Phase::Over,
        }
    }

    /// Advances the local sequences once more before the acknowledgement.
    ///
    /// If the lock was lost, a read after the first advance may have filled a stale value. This advance follows the
    /// journal entry, so that a read that takes its sequence snapshot from here on finds the scope there.
    pub(super) fn advance_last(&mut self, writer: usize) {
        if !self.is(Variant::NoLastAdvance) {
            self.advance_own(self.configuration.writers[writer].instance);
        }
    }

    /// The call returns to the writer.
    pub(super) fn acknowledge(&mut self, writer: usize, delivered: bool) {
        self.advance_last(writer);
        self.acknowledge_as_it_is(writer, delivered);
    }

    pub(super) fn acknowledge_as_it_is(&mut self, writer: usize, delivered: bool) {
        let of = self.configuration.writers[writer];
        let version = self.state.writers[writer].version;
        let instance = self.instance(of.instance);
        instance.acked = instance.acked.max(version);
        self.state.writers[writer].phase = Phase::Over;
        self.begin_age(writer);
        self.note(format_args!(" -> v{version} is acknowledged"));
        self.promise_strictly(writer, delivered);
        self.count(writer, delivered || self.configuration.counted == Counted::Acknowledged);
    }

    /// Starts to track the age of the write, if the configuration needs it.
    fn begin_age(&mut self, writer: usize) {
        self.state.writers[writer].age = self.configuration.longest_age().map(|_| 0);
    }

    /// Reads must reflect the write from here on, or from its delivery to Redis.
    ///
    /// The local hits of a single instance must reflect it as well.
    pub(super) fn count(&mut self, writer: usize, delivered: bool) {
        let of = &mut self.state.writers[writer];
        of.standing = if delivered { Standing::Counts } else { Standing::Undelivered };
        let version = of.version;
        if delivered {
            self.state.acked = self.state.acked.max(version);
        }
        if !self.configuration.shared {
            let instance = self.instance(self.configuration.writers[writer].instance);
            instance.acked = instance.acked.max(version);
        }
    }

    /// `WriteGuard::drop` with an unknown outcome: its locks and registrations stay.
    pub(super) fn drop_writer(&mut self, writer: usize, placed: bool) {
        let of = self.configuration.writers[writer];
        self.advance_own(of.instance);
        // Write locks prevent fills until they expire. A registration does not, so the whole method is invalidated now.
        if self.configuration.shared && (!placed || self.is_by_result(writer)) {
            let reach = self.reach(writer);
            self.record(of.instance, reach);
        }
        if self.is(Variant::ReleaseUnknown) {
            for scope in of.scopes.iter() {
                self.release(writer, scope);
            }
        }
        self.state.writers[writer].phase = Phase::Gone { placed, repeats: true };
        self.begin_wait(writer);
    }

    /// No commit can follow any more.
    ///
    /// A write with locks has invalidated everywhere; without them `WriteGuard::repeat_later` does.
    fn time_over(&mut self, writer: usize, placed: bool, repeats: bool) {
        let of = self.configuration.writers[writer];
        self.state.writers[writer].phase = Phase::Over;
        if placed {
            self.expire(writer);
            if self.is_by_result(writer) {
                self.published(writer);
            }
        } else if repeats {
            self.advance_own(of.instance);
            if self.configuration.shared {
                let reach = self.reach(writer);
                self.record(of.instance, reach);
            }
        }
        if self.state.writers[writer].version > 0 && (placed || repeats) {
            self.promise_strictly(writer, placed);
            self.begin_age(writer);
            self.count(writer, placed || !self.configuration.shared);
        }
    }
}
