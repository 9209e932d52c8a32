//! `Region::lead` and `Region::look_up`: the local tier once more, then one round trip.

use super::Successors;
use crate::configuration::{Configuration, Variant};
use crate::state::{
    Asking, Carried, Entry, Fence, Found, Gen, Keep, Landing, Link, SCOPES, Scopes, Source, Stamp, Step, Token,
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
            Step::Asks(asking) if self.reaches_redis(reader) => {
                self.act(format_args!("reader {name}: GETRANGE entry, MGET gens"), |world| world.fetch(reader, asking));
            }
            Step::Inits(asking, gens) if self.reaches_redis(reader) => {
                self.act(format_args!("reader {name}: GETINIT"), |world| world.init_gens(reader, asking, gens));
            }
            Step::Asks(_) | Step::Inits(..) => {
                self.act(format_args!("reader {name}: Redis does not answer"), |world| world.ask_store(reader));
            }
            Step::Hits(found, stamp) => {
                self.act(format_args!("reader {name}: has the answer"), |world| world.hand_over(reader, found, stamp));
            }
            _ => {}
        }
    }

    fn reaches_redis(&self, reader: usize) -> bool {
        matches!(self.from.instances[self.configuration.readers[reader]].link, Link::Beating | Link::Up | Link::Deaf)
            && !self.from.stalled
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
            return self.ask_store(reader);
        } else if instance.link == Link::Absent {
            Step::Loads(if self.configuration.local { Keep::Local(Stamp::Current) } else { Keep::Nothing })
        } else if self.may_ask(at) {
            Step::Asks(Asking { stamp: Stamp::Current, epoch: instance.epoch, carried })
        } else {
            self.note(format_args!(", the shared tier is out of reach"));
            match self.keep_degraded_later() {
                Keep::Nothing => return self.ask_store(reader),
                keep => Step::Loads(keep),
            }
        };
        self.state.readers[reader].step = step;
    }

    /// Whether the shared tier may be read: after a heartbeat's answer and the recovery barrier.
    pub(super) fn may_ask(&self, at: usize) -> bool {
        let Configuration { degraded, pauses, .. } = *self.configuration;
        let is_used = match self.state.instances[at].link {
            Link::Up | Link::Deaf | Link::Lost => true,
            Link::Beating => degraded == 0 && !pauses,
            Link::Absent | Link::Down | Link::Subscribed | Link::Trusted => false,
        };
        is_used && self.is_answered(at) && self.is_settled(at)
    }

    /// Whether write locks may be placed: there is a connection, and it has answered.
    pub(super) fn may_tell(&self, at: usize) -> bool {
        let is_open = !matches!(self.state.instances[at].link, Link::Absent | Link::Down);
        is_open && self.is_answered(at) && (self.is_trusted(at) || !self.is(Variant::TellNeedsLease))
    }

    fn is_answered(&self, at: usize) -> bool {
        !self.configuration.has_clock() || self.state.instances[at].answered > 0
    }

    /// `Session::read` as Redis executes it.
    ///
    /// The entry and the generations are read in one step here, in the code the entry first: a write in between changes
    /// a generation and makes a miss.
    fn fetch(&mut self, reader: usize, asking: Asking) {
        let gens = self.state.redis.gens;
        if gens.contains(&Gen::Missing) {
            self.note(format_args!(" -> a token is missing"));
            self.state.readers[reader].step = Step::Inits(asking, gens);
        } else {
            self.judge(reader, asking, gens, self.state.redis.entry);
        }
    }

    /// `Session::init_gens` for the scopes without a generation.
    ///
    /// An entry that was read before cannot carry a generation that is created now.
    fn init_gens(&mut self, reader: usize, asking: Asking, mut gens: [Gen; SCOPES]) {
        for (scope, gen_state) in gens.iter_mut().enumerate().filter(|(_, gen_state)| **gen_state == Gen::Missing) {
            if self.state.redis.gens[scope] == Gen::Missing {
                self.renew(scope);
            }
            *gen_state = self.state.redis.gens[scope];
        }
        // The entry may carry the number that a counter produces.
        let entry = self.state.redis.entry.filter(|_| self.is(Variant::Counter));
        self.judge(reader, asking, gens, entry);
    }

    /// `Region::judge`, which is pure except for the local tier: the returned answer enters it.
    fn judge(&mut self, reader: usize, asking: Asking, gens: [Gen; SCOPES], entry: Option<Entry>) {
        self.limit_fill(self.configuration.readers[reader]);
        let Some(gens) = unlocked(gens) else {
            self.note(format_args!(" -> a writer is at work"));
            return self.ask_store(reader);
        };
        let fence = Fence { epoch: asking.epoch, gens };
        let matches = |other: Fence| {
            if self.is(Variant::NoEpoch) { other.gens == fence.gens } else { other == fence }
        };
        let step = if let Some(Entry { value, .. }) = entry.filter(|entry| matches(entry.fence)) {
            self.note(format_args!(" -> shared hit v{value}"));
            Step::Hits(Carried { value, fence }, Some(asking.stamp))
        } else if let Some(carried) = asking.carried.filter(|carried| matches(carried.fence)) {
            self.note(format_args!(" -> miss, and the carried v{} is still current", carried.value));
            Step::Hits(carried, None)
        } else if let Some(carried) = asking.carried.filter(|_| self.is(Variant::CarriedUnasked)) {
            self.note(format_args!(" -> miss, and v{} is taken unasked", carried.value));
            Step::Hits(carried, None)
        } else {
            self.note(format_args!(" -> miss"));
            Step::Loads(Keep::Both(asking.stamp, fence))
        };
        self.state.readers[reader].step = step;
    }

    /// The store answers, and nothing is kept.
    pub(super) fn ask_store(&mut self, reader: usize) {
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
    fn hand_over(&mut self, reader: usize, found: Carried, stamp: Option<Stamp>) {
        let at = self.configuration.readers[reader];
        if let Some(stamp) = stamp {
            self.keep_local(at, found.value, stamp);
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

fn unlocked(gens: [Gen; SCOPES]) -> Option<[Token; SCOPES]> {
    let mut tokens = [0; SCOPES];
    for (token, state) in tokens.iter_mut().zip(gens) {
        let Gen::Free(current) = state else { return None };
        *token = current;
    }
    Some(tokens)
}
