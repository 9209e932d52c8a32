//! The faults, each of which occurs at most as often as the configuration allows.

use super::Successors;
use super::write::WIDE;
use crate::state::{Barrier, Bus, Generation, Instance, Journal, Link, Phase, Record, SCOPES, Standing};
use crate::world::World;

impl Successors<'_> {
    pub(super) fn faults(&mut self) {
        let faults = self.from.faults;
        if faults.evictions > 0 {
            self.evict();
        }
        if faults.flushes > 0 {
            self.act(format_args!("FLUSHALL"), |world| {
                world.state.faults.flushes -= 1;
                world.state.redis.generations = [Generation::Missing; SCOPES];
                world.state.redis.entry = None;
                (world.state.redis.pending, world.state.redis.suffix) = (0, 0);
                // The next heartbeat of any instance creates a new one.
                world.state.redis.namespace = world.state.fresh_namespace();
            });
        }
        for writer in 0..self.configuration.writers.len() {
            self.stop_writer(writer);
        }
        for at in 0..self.configuration.instances {
            self.lose_connection(at);
        }
        self.fail_over();
        self.break_down();
        self.stall();
    }

    fn evict(&mut self) {
        for scope in 0..SCOPES {
            if self.from.redis.generations[scope] != Generation::Missing {
                let scope_name = ["own", "wide"][scope];
                self.act(format_args!("Redis evicts the generation or lock of the {scope_name} scope"), |world| {
                    world.state.faults.evictions -= 1;
                    world.state.redis.generations[scope] = Generation::Missing;
                    if scope == WIDE {
                        world.state.redis.suffix = 0;
                    }
                });
            }
        }
        if self.from.redis.pending != 0 {
            self.act(format_args!("Redis evicts the set of pending writers"), |world| {
                world.state.faults.evictions -= 1;
                world.state.redis.pending = 0;
            });
        }
        if self.from.redis.entry.is_some() {
            self.act(format_args!("Redis evicts the entry"), |world| {
                world.state.faults.evictions -= 1;
                world.state.redis.entry = None;
            });
        }
    }

    fn stop_writer(&mut self, writer: usize) {
        let name = writer + 1;
        let faults = self.from.faults;
        let phase = self.from.writers[writer].phase;
        if faults.crashes > 0 && !matches!(phase, Phase::Begins | Phase::Gone { .. } | Phase::Leftover | Phase::Over) {
            self.act(format_args!("writer {name}: its process dies"), |world| {
                world.state.faults.crashes -= 1;
                world.die(world.configuration.writers[writer].instance);
            });
        }
        let (Phase::Writes { placed } | Phase::Committed { placed }) = phase else { return };
        // Not later: a release that is due completes even if the caller is dropped.
        if faults.unknowns > 0 {
            self.act(format_args!("writer {name}: its caller is dropped, the outcome is unknown"), |world| {
                world.state.faults.unknowns -= 1;
                world.drop_writer(writer, placed);
            });
        }
        if faults.early_expiries > 0 && placed {
            self.act(format_args!("writer {name}: its locks expire while it is at work"), |world| {
                world.state.faults.early_expiries -= 1;
                world.expire(writer);
            });
        }
    }

    fn lose_connection(&mut self, at: usize) {
        let name = at + 1;
        if self.from.instances[at].barrier.isolated {
            self.act(format_args!("instance {name}: it can reach Redis again"), |world| {
                world.instance(at).barrier.isolated = false;
            });
        }
        if self.from.instances[at].link != Link::Up {
            return;
        }
        if self.from.faults.disconnects > 0 {
            self.act(format_args!("instance {name}: its connection is lost"), |world| {
                world.state.faults.disconnects -= 1;
                world.close(at);
            });
        }
        if self.from.faults.isolations > 0 && self.configuration.counts_unanswered(at) {
            self.act(format_args!("instance {name}: it alone cannot reach Redis"), |world| {
                world.state.faults.isolations -= 1;
                let instance = world.instance(at);
                instance.barrier.isolated = true;
                world.close(at);
            });
        }
        if self.from.faults.silences > 0 {
            self.act(format_args!("instance {name}: its bus falls silent"), |world| {
                world.state.faults.silences -= 1;
                let instance = world.instance(at);
                (instance.link, instance.bus) = (Link::Silent, Bus::default());
            });
        }
    }

    fn fail_over(&mut self) {
        let faults = self.from.faults;
        if let Some(replica) = self.from.replica {
            if replica != self.from.redis {
                self.act(format_args!("the replica catches up"), |world| {
                    world.state.replica = Some(world.state.redis);
                });
            }
            self.act(format_args!("Redis fails over to the replica"), |world| {
                world.state.redis = replica;
                world.state.faults.failovers -= 1;
                let may_again = world.state.faults.failovers > 0;
                world.state.replica = may_again.then_some(replica);
                world.state.run += 1;
                world.lose_all();
            });
        }
        if faults.failbacks > 0 && self.from.run > 0 {
            self.act(format_args!("Redis fails back to the first server"), |world| {
                world.state.faults.failbacks -= 1;
                world.state.run = 0;
                world.lose_all();
            });
        }
    }
}

impl Successors<'_> {
    fn break_down(&mut self) {
        if self.from.faults.outages > 0 {
            self.act(format_args!("Redis is unreachable for all instances"), |world| {
                world.state.faults.outages -= 1;
                world.state.down = true;
                world.lose_all();
            });
        }
        if self.from.down {
            self.act(format_args!("Redis is back"), |world| {
                world.state.down = false;
                world.lose_strictness();
            });
            if self.from.faults.losses > 0 {
                self.act(format_args!("Redis is back, without its data"), |world| {
                    world.state.faults.losses -= 1;
                    world.lose_data();
                });
            }
        }
    }

    /// Redis stops answering, as in a pause or a busy script, and connections stay open.
    fn stall(&mut self) {
        if self.from.faults.stalls > 0 && !self.from.down {
            self.act(format_args!("Redis stops answering"), |world| {
                world.state.faults.stalls -= 1;
                world.state.stalled = true;
            });
        }
        if self.from.stalled {
            self.act(format_args!("Redis answers again"), |world| world.state.stalled = false);
        }
    }
}

impl World<'_> {
    /// Redis becomes unreachable, and no instance has noticed yet.
    fn lose_all(&mut self) {
        if self.configuration.members {
            // Instances notice at once, to reduce the states: one that has not noticed can neither read nor place
            // locks.
            for at in 0..self.configuration.instances {
                self.instance(at).barrier.queued = None;
                if self.state.instances[at].link != Link::Down {
                    self.close(at);
                }
            }
            return;
        }
        for instance in &mut self.state.instances {
            instance.barrier.queued = None;
            (instance.link, instance.bus, instance.drain) = match instance.link {
                Link::Up | Link::Silent => (Link::Lost, Bus::default(), None),
                Link::Subscribed | Link::FirstHeartbeat | Link::Trusted => (Link::Down, Bus::default(), None),
                other => (other, instance.bus, instance.drain),
            };
        }
    }

    /// Redis restarts without its data.
    fn lose_data(&mut self) {
        let namespace = self.state.fresh_namespace();
        self.state.down = false;
        self.state.run += 1;
        self.state.redis.generations = [Generation::Missing; SCOPES];
        (self.state.redis.pending, self.state.redis.suffix) = (0, 0);
        (self.state.redis.entry, self.state.redis.namespace) = (None, namespace);
        for record in &mut self.state.records {
            *record = Record { present: false, age: 0, pending: false, settled: false };
        }
    }

    /// The process ends and loses its state; another one may start in its place.
    fn die(&mut self, at: usize) {
        let Instance { epoch, received_epoch, namespace, barrier, .. } = self.state.instances[at];
        let has_members = self.configuration.members;
        *self.instance(at) = Instance {
            link: Link::Down,
            namespace,
            trust: 0,
            answered: 0,
            barrier: if has_members { Barrier { queued: barrier.queued, ..Barrier::fresh() } } else { barrier },
            expects: 0,
            epoch,
            received_epoch,
            local: None,
            inserting: None,
            bus: Bus::default(),
            journal: Journal::default(),
            drain: None,
            current: false,
            next: false,
            acked: 0,
            observed: 0,
        };
        for (reader, place) in self.configuration.readers.iter().enumerate() {
            if *place == at {
                self.end(reader);
            }
        }
        for (writer, of) in self.configuration.writers.iter().enumerate() {
            if of.instance == at {
                self.orphan(writer);
            }
        }
    }

    /// Continues without the process of a writer.
    fn orphan(&mut self, writer: usize) {
        let of = &mut self.state.writers[writer];
        if of.standing == Standing::Undelivered {
            of.standing = Standing::Open;
        }
        of.phase = match of.phase {
            Phase::Writes { placed }
            | Phase::Committed { placed }
            | Phase::Releases { placed, .. }
            | Phase::Leaves { placed }
            | Phase::Unregisters { placed }
            | Phase::Behind { placed, .. }
            // No process repeats what this one still had to deliver.
            | Phase::Gone { placed, .. } => Phase::Gone { placed, repeats: false },
            Phase::Waits { delivered, placed } => Phase::Gone { placed: delivered || placed, repeats: false },
            Phase::Places(_) => Phase::Leftover,
            // The next process may begin it.
            phase @ (Phase::Begins | Phase::Leftover | Phase::Over) => phase,
        };
        if matches!(of.phase, Phase::Gone { .. }) {
            self.begin_wait(writer);
        }
    }
}
