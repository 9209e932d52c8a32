//! `Region::lead` and `Region::look_up`: the local tier once more, then one round trip.

use super::Successors;
use crate::configuration::{Configuration, Variant};
use crate::state::{
    Carried, Entry, Fence, Found, Generation, Keep, Landing, Link, LookUp, SCOPES, Scopes, Snapshot, Source, Step,
    Token,
};
use crate::world::World;

impl Successors<'_> {
    /// A look-up before the call of the store.
    pub(super) fn look_up(&mut self, reader: usize) {
        let name = reader + 1;
        match self.from.readers[reader].step {
            Step::Leads(carried) => {
                self.act(format_args!("reader {name}: looks up"), |world| world.begin_look_up(reader, carried));
            }
            Step::LooksUp(look_up) if self.reaches_redis(reader) => {
                self.act(format_args!("reader {name}: MGET entry and generations"), |world| {
                    world.fetch(reader, look_up);
                });
            }
            Step::Inits(look_up, generations) if self.reaches_redis(reader) => {
                self.act(format_args!("reader {name}: GETINIT"), |world| {
                    world.init_generations(reader, look_up, generations);
                });
            }
            Step::LooksUp(_) | Step::Inits(..) => {
                self.act(format_args!("reader {name}: Redis does not answer"), |world| world.call_store(reader));
            }
            Step::Hits(found, snapshot) => {
                self.act(format_args!("reader {name}: has the result"), |world| {
                    world.hand_over(reader, found, snapshot);
                });
            }
            _ => {}
        }
    }

    fn reaches_redis(&self, reader: usize) -> bool {
        matches!(
            self.from.instances[self.configuration.readers[reader]].link,
            Link::FirstHeartbeat | Link::Up | Link::Silent
        ) && !self.from.stalled
    }
}

impl World<'_> {
    /// `Region::lead` up to the round trip: `find_owned`, `begin`, `is_journaled`, `shared`.
    ///
    /// Nothing in it waits, and in the other orders a step of another task in between only makes a miss.
    fn begin_look_up(&mut self, reader: usize, carried: Option<Carried>) {
        let at = self.configuration.readers[reader];
        if let Some(value) = self.find(reader) {
            self.note(format_args!(", found locally"));
            self.finish_flight(reader, Found { value, fence: None, source: Source::Local });
            self.end(reader);
            return;
        }
        let instance = self.state.instances[at];
        let step = if instance.journal.holds(Scopes::ALL) {
            self.note(format_args!(", the journal holds a scope"));
            return self.call_store(reader);
        } else if instance.link == Link::Absent {
            Step::Loads(if self.configuration.local { Keep::Local(Snapshot::Current) } else { Keep::Nothing })
        } else if self.may_read_shared(at) {
            Step::LooksUp(LookUp { snapshot: Snapshot::Current, epoch: instance.epoch, carried })
        } else {
            self.note(format_args!(", the shared tier is out of reach"));
            match self.keep_degraded_later() {
                Keep::Nothing => return self.call_store(reader),
                keep => Step::Loads(keep),
            }
        };
        self.state.readers[reader].step = step;
    }

    /// Whether the shared tier may be read: after a heartbeat's answer and the recovery barrier.
    pub(super) fn may_read_shared(&self, at: usize) -> bool {
        let Configuration { degraded, pauses, .. } = *self.configuration;
        let is_used = match self.state.instances[at].link {
            Link::Up | Link::Silent | Link::Lost => true,
            Link::FirstHeartbeat => degraded == 0 && !pauses,
            Link::Absent | Link::Down | Link::Subscribed | Link::Trusted => false,
        };
        is_used && self.is_answered(at) && self.is_settled(at)
    }

    /// Whether write locks may be placed: there is a connection, and it has answered.
    pub(super) fn may_send(&self, at: usize) -> bool {
        let is_open = !matches!(self.state.instances[at].link, Link::Absent | Link::Down);
        is_open && self.is_answered(at) && (self.is_trusted(at) || !self.is(Variant::LockNeedsLease))
    }

    fn is_answered(&self, at: usize) -> bool {
        !self.configuration.has_clock() || self.state.instances[at].answered > 0
    }

    /// `TierConnection::read` as Redis executes it.
    ///
    /// The entry and the generations are read in one step here, in the code the entry first: a write in between changes
    /// a generation and makes a miss.
    fn fetch(&mut self, reader: usize, look_up: LookUp) {
        let generations = self.state.redis.generations;
        if generations.contains(&Generation::Missing) {
            self.note(format_args!(" -> a generation is missing"));
            self.state.readers[reader].step = Step::Inits(look_up, generations);
        } else {
            self.judge(reader, look_up, generations, self.state.redis.entry);
        }
    }

    /// `TierConnection::init_generations` for the scopes without a generation.
    ///
    /// An entry that was read before cannot carry a generation that is created now.
    fn init_generations(&mut self, reader: usize, look_up: LookUp, mut generations: [Generation; SCOPES]) {
        for (scope, state) in generations.iter_mut().enumerate().filter(|(_, state)| **state == Generation::Missing) {
            if self.state.redis.generations[scope] == Generation::Missing {
                self.renew(scope);
            }
            *state = self.state.redis.generations[scope];
        }
        // The entry may carry the number that a counter produces.
        let entry = self.state.redis.entry.filter(|_| self.is(Variant::Counter));
        self.judge(reader, look_up, generations, entry);
    }

    /// `Region::judge`, which is pure except for the local tier: the returned answer enters it.
    fn judge(&mut self, reader: usize, look_up: LookUp, generations: [Generation; SCOPES], entry: Option<Entry>) {
        self.limit_fill(self.configuration.readers[reader]);
        let Some(generations) = unlocked(generations) else {
            self.note(format_args!(" -> a writer is at work"));
            return self.call_store(reader);
        };
        let fence = Fence { epoch: look_up.epoch, generations };
        let matches = |other: Fence| {
            if self.is(Variant::NoEpoch) { other.generations == fence.generations } else { other == fence }
        };
        let step = if let Some(Entry { value, .. }) = entry.filter(|entry| matches(entry.fence)) {
            self.note(format_args!(" -> shared hit v{value}"));
            Step::Hits(Carried { value, fence }, Some(look_up.snapshot))
        } else if let Some(carried) = look_up.carried.filter(|carried| matches(carried.fence)) {
            self.note(format_args!(" -> miss, and the carried v{} is still current", carried.value));
            Step::Hits(carried, None)
        } else if let Some(carried) = look_up.carried.filter(|_| self.is(Variant::CarriedUnchecked)) {
            self.note(format_args!(" -> miss, and v{} is taken without a check", carried.value));
            Step::Hits(carried, None)
        } else {
            self.note(format_args!(" -> miss"));
            Step::Loads(Keep::Both(look_up.snapshot, fence))
        };
        self.state.readers[reader].step = step;
    }

    /// The store answers, and nothing is kept.
    pub(super) fn call_store(&mut self, reader: usize) {
        if self.configuration.members {
            // One step, to reduce the states: no other read uses this answer, and it is as new as the store.
            let value = self.state.database;
            self.note(format_args!(", reads the store"));
            self.finish_flight(reader, Found { value, fence: None, source: Source::Store });
            return self.end(reader);
        }
        self.state.readers[reader].step = Step::Loads(Keep::Nothing);
    }

    /// `Region::open` puts a shared hit into the local tier; `Region::hand_over`.
    fn hand_over(&mut self, reader: usize, found: Carried, snapshot: Option<Snapshot>) {
        let at = self.configuration.readers[reader];
        if let Some(snapshot) = snapshot {
            self.keep_local(at, found.value, snapshot);
        }
        let Carried { value, fence } = found;
        self.finish_flight(reader, Found { value, fence: Some(fence), source: Source::Shared });
        self.end(reader);
    }

    /// Ends the flight with a value, which also answers the leader.
    pub(super) fn finish_flight(&mut self, reader: usize, found: Found) {
        self.answer(reader, found.value, found.source);
        self.land(self.configuration.readers[reader], Landing::Found(found));
    }
}

fn unlocked(generations: [Generation; SCOPES]) -> Option<[Token; SCOPES]> {
    let mut tokens = [0; SCOPES];
    for (token, state) in tokens.iter_mut().zip(generations) {
        let Generation::Free(current) = state else { return None };
        *token = current;
    }
    Some(tokens)
}
