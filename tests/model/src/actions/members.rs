//! The recovery barrier: heartbeats register members, and an instance that reconnects waits for the others.
//!
//! A heartbeat and its reply are one step, and the instance processes the reply at once. A later reply would only allow
//! less, since its rights count from when its heartbeat was sent. Redis executes heartbeats late that are sent during a
//! stall.

use super::Successors;
use crate::configuration::{Configuration, Mode, Variant};
use crate::state::{Barrier, Heartbeat, Instance, Link, Phase, Queued, Record, Step};
use crate::world::World;

impl Successors<'_> {
    pub(super) fn member(&mut self, at: usize) {
        let name = at + 1;
        let Instance { barrier, link, answered, .. } = self.from.instances[at];
        if !self.configuration.members {
            return;
        }
        let is_waiting = !barrier.settled && !barrier.is_due;
        if is_waiting && barrier.awaits == 0 && answered > 0 && is_connected(link) {
            self.act(format_args!("instance {name}: every member is back, its barrier ends"), |world| {
                world.end_barrier(at);
            });
        }
        if is_waiting && barrier.awaits != 0 && self.configuration.deadline {
            self.act(format_args!("instance {name}: stops waiting for the missing members"), |world| {
                world.instance(at).barrier.awaits = 0;
            });
        }
        let has_waited = barrier.unanswered >= Some(self.configuration.lease);
        if has_waited && !barrier.in_vain && self.from.is_unreachable(at) {
            self.act(format_args!("instance {name}: fails to reach Redis"), |world| {
                world.instance(at).barrier.in_vain = true;
            });
        }
        self.late_heartbeat(at);
    }

    /// Sends heartbeats during a stall and executes them after it.
    fn late_heartbeat(&mut self, at: usize) {
        let name = at + 1;
        let Instance { barrier, link, .. } = self.from.instances[at];
        match barrier.queued {
            None if self.from.stalled && link == Link::Up => {
                self.act(format_args!("instance {name}: queues a heartbeat that is not executed yet"), |world| {
                    world.queue_heartbeat(at);
                });
            }
            Some(queued) if !self.from.stalled && !self.from.down => {
                self.act(format_args!("instance {name}: its late heartbeat is executed"), |world| {
                    world.execute_late(at, queued);
                });
            }
            _ => {}
        }
        if self.from.stalled && link == Link::Up {
            self.act(format_args!("instance {name}: gives up its connection"), |world| world.close(at));
        }
    }
}

/// Whether there is a connection that carries heartbeats.
fn is_connected(link: Link) -> bool {
    matches!(link, Link::FirstHeartbeat | Link::Trusted | Link::Up)
}

impl crate::state::State {
    /// Whether Redis does not answer this instance.
    pub(crate) fn is_unreachable(&self, at: usize) -> bool {
        self.down || self.stalled || self.instances[at].barrier.isolated
    }
}

impl Configuration {
    fn all_but(&self, at: usize) -> u8 {
        ((1 << self.instances) - 1) & !(1 << at)
    }

    /// Whether the state tracks how long this instance has had no answer.
    pub(crate) fn counts_unanswered(&self, at: usize) -> bool {
        self.members && self.writers.iter().any(|writer| writer.instance == at)
    }
}

impl Barrier {
    /// Ends the right to read the shared tier until the barrier has ended.
    pub(super) fn enter(&mut self) {
        (self.settled, self.awaits, self.is_due) = (false, 0, true);
    }
}

impl World<'_> {
    /// Executes a heartbeat and processes its reply.
    pub(super) fn heartbeat(&mut self, at: usize) {
        if self.configuration.members {
            let Instance { journal, barrier, .. } = self.state.instances[at];
            let is_pending = !journal.is_empty();
            self.register(at, is_pending, barrier.settled);
            self.learn(at, is_pending);
        }
    }

    /// Registers the member, as the script HEARTBEAT does in Redis.
    fn register(&mut self, at: usize, pending: bool, settled: bool) {
        let settled = settled && self.configuration.newcomer;
        self.state.records[at] = Record { present: true, age: 0, pending, settled };
        if !pending || self.is(Variant::PendingIgnored) {
            for instance in &mut self.state.instances {
                instance.barrier.awaits &= !(1 << at);
            }
        }
    }

    /// Processes the reply to a heartbeat.
    fn learn(&mut self, at: usize, is_pending: bool) {
        let lease = self.configuration.lease;
        let others = |hit: fn(&Record) -> bool| {
            (0..).zip(&self.state.records).filter(move |(of, record)| *of != at && record.present && hit(record))
        };
        let pending = others(|record| record.pending).fold(0, |bits, (of, _)| bits | 1 << of);
        let is_silent = self.configuration.mode == Mode::Strict && others(|_| true).any(|(_, of)| of.age > lease);
        let ignores_pending = self.is(Variant::PendingIgnored)
            || self.is(Variant::PendingIgnoredWhenSettled) && self.state.instances[at].barrier.settled;
        let pending = if ignores_pending { 0 } else { pending };
        let (expected, all_others) = (self.expected(at), self.configuration.all_but(at));
        let barrier = &mut self.instance(at).barrier;
        (barrier.unanswered, barrier.in_vain) = (None, false);
        if barrier.is_due {
            (barrier.is_due, barrier.fresh, barrier.awaits) = (false, false, expected);
        } else if barrier.settled && pending != 0 {
            (barrier.settled, barrier.awaits) = (false, all_others);
            self.note(format_args!(", and sees pending invalidations"));
        } else if !self.is(Variant::NoBarrier) {
            self.instance(at).barrier.awaits |= pending;
        }
        self.learn_silence(at, is_silent);
        if is_pending {
            self.show_pending(at);
        }
    }

    /// Records whether a member is silent; strict methods read neither tier meanwhile.
    fn learn_silence(&mut self, at: usize, is_silent: bool) {
        let was_silent = std::mem::replace(&mut self.instance(at).barrier.sees_silence, is_silent);
        if was_silent && !is_silent && !self.is(Variant::NoFlushAfterSilence) {
            self.advance(at);
        }
    }

    /// Records that replies now show other members the pending invalidations of this instance.
    fn show_pending(&mut self, at: usize) {
        for (writer, of) in self.state.writers.iter_mut().zip(self.configuration.writers) {
            let waits = matches!(writer.phase, Phase::Waits { delivered: false, .. });
            if of.instance == at && waits && !writer.shown {
                (writer.shown, writer.waited) = (true, Some(0));
            }
        }
    }

    /// The members that an instance waits for when it reconnects.
    ///
    /// These are the members that it knew and those in the hash. An instance that connects for the first time takes the
    /// state of a live settled member; if there is none, it waits for all other instances.
    fn expected(&self, at: usize) -> u8 {
        let lease = self.configuration.lease;
        let those = |hit: &dyn Fn(&Record) -> bool| {
            let records = (0..).zip(&self.state.records);
            records.fold(0, |bits, (of, record)| {
                let is_hit = of != at && record.present && hit(record);
                bits | u8::from(is_hit) << of
            })
        };
        let all_others = self.configuration.all_but(at);
        let is_fresh = self.state.instances[at].barrier.fresh;
        let is_led = those(&|of| of.age < lease && of.settled) != 0 && those(&|of| of.pending) == 0;
        match self.configuration.variant {
            Variant::NoBarrier | Variant::BarrierByLoadTime => 0,
            Variant::NewcomerTrusts if is_fresh => 0,
            _ if is_fresh && is_led => 0,
            Variant::NewcomerHurries if is_fresh => those(&|_| true),
            Variant::MembersForgotten => those(&|of| of.age <= lease),
            Variant::MembersNotRemembered => those(&|_| true),
            Variant::EarlierHeartbeat => all_others & !those(&|of| of.age <= lease && !of.pending),
            _ => all_others,
        }
    }

    fn end_barrier(&mut self, at: usize) {
        self.instance(at).barrier.settled = true;
        if !self.is(Variant::NoSettlingFlush) {
            self.advance(at);
        }
    }

    /// Discards entries and loads from before the reconnect, for the variant without any other barrier.
    pub(super) fn distrust_loads(&mut self) {
        if self.is(Variant::BarrierByLoadTime) {
            self.state.redis.entry = None;
            for reader in 0..self.configuration.readers.len() {
                match self.state.readers[reader].step {
                    Step::Loads(_) | Step::Loaded(..) => self.call_store(reader),
                    Step::Fills(_) => self.end(reader),
                    _ => {}
                }
            }
        }
    }

    fn queue_heartbeat(&mut self, at: usize) {
        let lease = self.configuration.lease;
        let instance = self.instance(at);
        let (counts, pending) = (instance.answered, !instance.journal.is_empty());
        let settled = instance.barrier.settled;
        instance.barrier.queued = Some(Queued { life: lease, counts, pending, settled });
    }

    /// Executes a queued heartbeat.
    ///
    /// It does not count if it was sent a lease or more after the last reply to its sender.
    fn execute_late(&mut self, at: usize, queued: Queued) {
        let Queued { life, counts, pending, settled } = queued;
        let counts = counts > 0 || self.is(Variant::LateHeartbeatCounts);
        self.instance(at).barrier.queued = None;
        self.register(at, pending || !counts, settled && counts);
        if !counts {
            self.note(format_args!(", and does not count"));
        }
        if life == 0 {
            return;
        }
        let (lease, namespace, has_bus) =
            (self.configuration.lease, self.state.redis.namespace, self.configuration.listens(at));
        let instance = self.instance(at);
        instance.answered = instance.answered.max(life);
        if has_bus && instance.bus.heartbeat.is_none() {
            instance.bus.heartbeat = Some(Heartbeat { age: lease - life, namespace });
        }
        if counts {
            self.learn(at, pending);
        }
    }
}

impl Queued {
    pub(super) fn tick(&mut self) {
        (self.life, self.counts) = (self.life.saturating_sub(1), self.counts.saturating_sub(1));
    }
}
