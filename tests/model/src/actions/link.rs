//! `coherence::link` and `coherence::supervisor`: bus, heartbeats, reconnects, and the drain of the journal.

use super::Successors;
use crate::configuration::{Configuration, Variant};
use crate::state::{
    Bus, Due, Heartbeat, Instance, Kept, Link, Messages, Namespace, Phase, Standing, Step, Token, Writer,
};
use crate::world::World;

impl Successors<'_> {
    /// The steps of an instance's connection.
    pub(super) fn connection(&mut self, at: usize) {
        let name = at + 1;
        let instance = self.from.instances[at];
        if self.configuration.has_bus() && instance.local.is_some() {
            self.act(format_args!("instance {name}: evicts its local entry"), |world| world.instance(at).local = None);
        }
        if let Some(value) = instance.inserting {
            self.act(format_args!("instance {name}: inserts v{value}"), |world| world.insert(at, value));
        }
        match instance.link {
            Link::Absent => {}
            Link::Down if self.from.is_unreachable(at) => {}
            Link::Down => {
                self.act(format_args!("instance {name}: connects, subscribes, flushes"), |world| world.connect(at));
            }
            Link::Subscribed => {
                self.receive(at);
                if instance.journal.is_empty() && instance.drain.is_none() && !self.from.stalled {
                    self.act(format_args!("instance {name}: sends its first heartbeat"), |world| {
                        world.first_heartbeat(at);
                    });
                }
                self.drain(at);
            }
            Link::FirstHeartbeat => self.receive(at),
            Link::Trusted => {
                self.receive(at);
                self.act(format_args!("instance {name}: uses both tiers"), |world| {
                    world.instance(at).link = Link::Up;
                });
                if self.configuration.pauses || self.configuration.members {
                    self.periodic_heartbeat(at);
                    self.drain(at);
                }
            }
            Link::Up => {
                self.receive(at);
                self.periodic_heartbeat(at);
                self.drain(at);
            }
            Link::Silent | Link::Lost => {
                self.act(format_args!("instance {name}: notices that its connection is lost"), |world| world.close(at));
                if instance.link == Link::Silent {
                    self.drain(at);
                }
            }
        }
    }

    /// `Listener::message`.
    fn receive(&mut self, at: usize) {
        let name = at + 1;
        let bus = self.from.instances[at].bus;
        if !bus.messages.is_empty() {
            self.act(format_args!("instance {name}: receives the messages"), |world| {
                world.instance(at).bus.messages = Messages::default();
                world.received(at, bus.messages);
            });
        } else if let Some(heartbeat) = bus.heartbeat {
            self.act(format_args!("instance {name}: its heartbeat has returned"), |world| {
                world.heartbeat_returned(at, heartbeat);
            });
        }
    }

    /// A heartbeat of `supervisor::round`.
    ///
    /// The model omits one that could neither prolong the trust nor deliver a message, and one that is sent before the
    /// previous one has returned.
    fn periodic_heartbeat(&mut self, at: usize) {
        let name = at + 1;
        let instance = self.from.instances[at];
        let namespace = self.from.redis.namespace;
        let has_moved = instance.received_epoch != namespace;
        if self.from.stalled {
            return;
        }
        let is_useful = has_moved || instance.trust < self.configuration.lease || self.configuration.members;
        if !self.configuration.has_clock() {
            if has_moved {
                self.act(format_args!("instance {name}: a heartbeat reports a new epoch"), |world| {
                    world.move_namespace(at, namespace);
                });
            }
        } else if instance.bus.heartbeat.is_none() && instance.barrier.queued.is_none() && is_useful {
            self.act(format_args!("instance {name}: sends a heartbeat"), |world| world.send_heartbeat(at));
        }
    }

    /// `supervisor::deliver`.
    fn drain(&mut self, at: usize) {
        let name = at + 1;
        let instance = &self.from.instances[at];
        if self.from.stalled {
            return;
        }
        match instance.drain {
            None if instance.journal.is_empty() => self.release_from_journal(at),
            None => self.act(format_args!("instance {name}: begins to deliver its journal"), |world| {
                let instance = world.instance(at);
                instance.drain = instance.journal.due();
            }),
            Some(Due { everything: true, scopes }) => {
                self.act(format_args!("instance {name}: SET of a new namespace epoch"), |world| {
                    world.state.redis.namespace = world.state.fresh_namespace();
                    world.instance(at).drain = Some(Due { everything: false, scopes });
                    world.delivered_for(at, None);
                });
            }
            Some(Due { scopes, .. }) => match scopes.split() {
                Some((scope, left)) => {
                    self.act(format_args!("instance {name}: INVALIDATE from its journal"), |world| {
                        world.invalidate(scope);
                        world.instance(at).drain = Some(Due { everything: false, scopes: left });
                        world.delivered_for(at, Some(scope));
                    });
                }
                None if self.waits_for_epoch(at) => {}
                None => {
                    self.act(format_args!("instance {name}: its journal is delivered"), |world| world.delivered(at));
                }
            },
        }
    }

    /// A finished writer of this instance whose locks or registration still exist.
    fn unreleased(&self, at: usize) -> Option<usize> {
        let is_finished = |phase: Phase| matches!(phase, Phase::Waits { .. } | Phase::Over);
        let redis = &self.from.redis;
        (0..self.configuration.writers.len()).find(|&writer| {
            let is_left = redis.pending & (1 << writer) != 0 || self.from.locked_by(writer).is_some();
            self.configuration.writers[writer].instance == at && is_finished(self.from.writers[writer].phase) && is_left
        })
    }

    /// Removes locks and registration, which admits nothing older: the scopes were invalidated before.
    fn release_from_journal(&mut self, at: usize) {
        let Some(writer) = self.unreleased(at) else { return };
        self.act(format_args!("instance {}: RELEASE of writer {} from its journal", at + 1, writer + 1), |world| {
            match world.state.locked_by(writer) {
                Some(scope) => world.release(writer, scope),
                None => world.remove_registration(writer),
            }
        });
    }

    /// An overflowed journal stands in for the new namespace epoch until its instance has received it.
    fn waits_for_epoch(&self, at: usize) -> bool {
        let Instance { journal, link, received_epoch, .. } = self.from.instances[at];
        let has_received = received_epoch == self.from.redis.namespace;
        let is_used = link != Link::Subscribed && self.configuration.variant != Variant::DeliveredUnreceived;
        journal.overflow && is_used && !has_received
    }

    fn is_heartbeat_due(&self) -> bool {
        let lease = self.configuration.lease;
        let is_due = |at: usize| {
            let Instance { link, answered, .. } = self.from.instances[at];
            link == Link::Up && answered < lease && !self.from.is_unreachable(at)
        };
        self.configuration.punctual && (0..self.configuration.instances).any(is_due)
    }

    /// Advances the clock of every part alike.
    pub(super) fn tick(&mut self) {
        let lease = self.configuration.lease;
        let mut ticked = *self.from;
        for instance in &mut ticked.instances {
            instance.tick_member(self.configuration);
            instance.trust = instance.trust.saturating_sub(1);
            instance.local = instance.local.and_then(Kept::ticked);
            if let Some(heartbeat) = &mut instance.bus.heartbeat {
                heartbeat.age = lease.min(heartbeat.age + 1);
            }
        }
        for writer in &mut ticked.writers {
            writer.message_age = writer.message_age.map(|age| lease.min(age + 1));
            writer.waited = writer.waited.map(|age| self.configuration.longest_wait().min(age + 1));
            writer.age = writer.age.and_then(|age| Some(self.configuration.longest_age()?.min(age + 1)));
        }
        for reader in &mut ticked.readers {
            reader.step.tick();
        }
        if self.configuration.has_member_ages() {
            for record in ticked.records.iter_mut().filter(|record| record.present) {
                record.age = (lease + 1).min(record.age + 1);
            }
        }
        if ticked != *self.from && self.configuration.has_clock() && !self.is_heartbeat_due() {
            self.act(format_args!("the clock moves on"), |world| {
                world.state = ticked;
                world.forget_expired();
                world.count_delivered();
            });
        }
    }
}

impl Bus {
    pub(super) fn publish(&mut self, messages: Messages) {
        let place = if self.heartbeat.is_some() { &mut self.later_messages } else { &mut self.messages };
        place.join(messages);
    }
}

impl Instance {
    /// Advances the member state by one tick.
    ///
    /// When the right to read the shared tier lapses, the instance enters the barrier, again if it is inside already.
    fn tick_member(&mut self, configuration: &Configuration) {
        // If only the bus is silent, Redis still answers commands.
        if self.link != Link::Silent || configuration.members {
            self.answered = self.answered.saturating_sub(1);
        }
        let barrier = &mut self.barrier;
        barrier.unanswered = barrier.unanswered.map(|age| configuration.longest_wait().min(age + 1));
        if let Some(queued) = &mut barrier.queued {
            queued.tick();
        }
        let lapses = configuration.members && !barrier.is_due && self.answered == 0;
        if lapses && configuration.variant != Variant::LapseTrusted {
            barrier.enter();
        }
    }
}

impl World<'_> {
    /// Sends a heartbeat.
    ///
    /// Its reply allows reads of the shared tier and write locks, and shows the namespace epoch. Its message on the bus
    /// prolongs the lease of the local tier.
    fn send_heartbeat(&mut self, at: usize) {
        let Configuration { lease, .. } = *self.configuration;
        let (has_bus, namespace) = (self.configuration.listens(at), self.state.redis.namespace);
        let instance = self.instance(at);
        let has_moved = instance.received_epoch != namespace;
        instance.answered = lease;
        if has_bus && (has_moved || instance.trust < lease) {
            instance.bus.heartbeat = Some(Heartbeat { age: 0, namespace });
        }
        if has_moved {
            self.move_namespace(at, namespace);
        }
        self.heartbeat(at);
    }

    /// `heartbeat::heartbeat_returned`: trust counts from the sending of the heartbeat.
    fn heartbeat_returned(&mut self, at: usize, heartbeat: Heartbeat) {
        let Configuration { lease, degraded, pauses, .. } = *self.configuration;
        let is_trusting = self.is(Variant::TrustingJoin);
        let age = if self.is(Variant::ArrivalLease) { 0 } else { heartbeat.age };
        let instance = self.instance(at);
        instance.bus = Bus { messages: instance.bus.later_messages, ..Bus::default() };
        if instance.namespace == Namespace::Joined && !is_trusting {
            return;
        }
        instance.trust = instance.trust.max(lease - age);
        let is_first = instance.link == Link::FirstHeartbeat;
        if is_first {
            instance.link = if degraded > 0 || pauses { Link::Trusted } else { Link::Up };
        }
        let has_moved = instance.received_epoch != heartbeat.namespace;
        // A new `Connection` has the epoch of the first heartbeat.
        if is_first {
            instance.epoch.namespace = heartbeat.namespace;
        }
        if has_moved {
            self.move_namespace(at, heartbeat.namespace);
        }
    }

    /// An instance learns of a new namespace epoch.
    fn move_namespace(&mut self, at: usize, namespace: Token) {
        let is_missed = self.is(Variant::EpochOfFirstHeartbeat) && self.state.instances[at].link == Link::Trusted;
        let instance = self.instance(at);
        instance.received_epoch = namespace;
        if !is_missed {
            instance.epoch.namespace = namespace;
        }
        self.advance(at);
        self.count_delivered();
    }

    /// `supervisor::connect` and `supervisor::subscribe`.
    fn connect(&mut self, at: usize) {
        let (run, lease) = (self.state.run, self.configuration.lease);
        let instance = self.instance(at);
        instance.link = Link::Subscribed;
        if instance.namespace == Namespace::Joined {
            instance.namespace = Namespace::Subscribed;
        }
        instance.epoch.run = run;
        instance.answered = lease;
        (instance.barrier.unanswered, instance.barrier.in_vain) = (None, false);
        self.flush(at);
        self.outlive(at);
    }

    /// Marks values that were kept before the new connection.
    fn outlive(&mut self, at: usize) {
        if let Some(Kept::Degraded(entry)) = &mut self.instance(at).local {
            entry.outlived = true;
        }
    }

    /// `supervisor::serve` after the delivery.
    fn first_heartbeat(&mut self, at: usize) {
        let namespace = self.state.redis.namespace;
        let Configuration { lease, .. } = *self.configuration;
        let has_heartbeats = self.configuration.has_clock() && self.configuration.listens(at);
        let instance = self.instance(at);
        (instance.epoch.namespace, instance.received_epoch) = (namespace, namespace);
        instance.answered = lease;
        if has_heartbeats {
            instance.link = Link::FirstHeartbeat;
            instance.bus.heartbeat = Some(Heartbeat { age: 0, namespace });
        } else {
            instance.link = Link::Up;
        }
        self.heartbeat(at);
        self.distrust_loads();
        self.count_delivered();
    }

    fn flush(&mut self, at: usize) {
        if !self.is(Variant::NoFlush) {
            self.advance(at);
        }
    }

    /// `Coherence::close_connection`; pending commands of the connection end with an error.
    pub(super) fn close(&mut self, at: usize) {
        let (has_members, counts) = (self.configuration.members, self.configuration.counts_unanswered(at));
        let instance = self.instance(at);
        *instance = Instance { link: Link::Down, trust: 0, answered: 0, bus: Bus::default(), drain: None, ..*instance };
        instance.expects = 0;
        if has_members {
            instance.barrier.enter();
        }
        if counts {
            instance.barrier.unanswered.get_or_insert(0);
        }
        if let Some(queued) = &mut instance.barrier.queued {
            queued.life = 0;
        }
        self.flush(at);
        for (reader, place) in self.configuration.readers.iter().enumerate() {
            if *place == at && matches!(self.state.readers[reader].step, Step::LooksUp(_) | Step::Inits(..)) {
                self.call_store(reader);
            }
        }
        for (writer, of) in self.configuration.writers.iter().enumerate() {
            let is_sending = self.state.writers[writer].phase.is_sending();
            if of.instance == at && is_sending {
                self.give_up(writer);
            }
        }
        self.count_delivered();
    }

    /// Redis has received the journal's invalidations of a scope, or all of them.
    fn delivered_for(&mut self, at: usize, scope: Option<usize>) {
        for (writer, of) in self.configuration.writers.iter().enumerate() {
            let concerns = of.instance == at && scope.is_none_or(|scope| of.journaled().holds(scope));
            let Writer { standing, phase, .. } = self.state.writers[writer];
            let is_late = standing == Standing::Undelivered || matches!(phase, Phase::Waits { delivered: false, .. });
            if concerns && is_late {
                self.published(writer);
            }
        }
    }

    /// `Journal::delivered`.
    fn delivered(&mut self, at: usize) {
        let instance = self.instance(at);
        instance.drain = None;
        instance.journal.delivered();
        self.wait_after_journal(at);
        self.count_delivered();
    }

    /// Counts the writes whose journal has been delivered.
    ///
    /// After an overflow they count once every instance with read rights has received the new namespace epoch, by its
    /// next heartbeat or by the end of its lease.
    pub(super) fn count_delivered(&mut self) {
        let namespace = self.state.redis.namespace;
        let has_received = |at: usize| {
            let Instance { received_epoch, bus, .. } = self.state.instances[at];
            // An earlier heartbeat may still prolong the trust in the old epoch.
            let is_old = bus.heartbeat.is_some_and(|heartbeat| heartbeat.namespace != namespace);
            received_epoch == namespace || !self.may_read_shared(at) && !is_old
        };
        let have_received = (0..self.configuration.instances).all(has_received);
        for (writer, of) in self.configuration.writers.iter().enumerate() {
            let is_delivered = !self.state.instances[of.instance].journal.holds(of.journaled());
            if have_received && is_delivered && self.state.writers[writer].standing == Standing::Undelivered {
                self.count(writer, true);
            }
        }
    }
}
