//! `Cache::observe`: another instance observes the session token of a write.

use super::Successors;
use crate::configuration::{Kind, Variant};
use crate::state::{Phase, Standing, Version, Writer};
use crate::world::World;

impl Successors<'_> {
    /// A request of the session arrives at an instance other than the writer's.
    pub(super) fn observe(&mut self, writer: usize) {
        let of = self.from.writers[writer];
        let is_acknowledged = matches!(of.phase, Phase::Over | Phase::Behind { .. }) && of.standing == Standing::Counts;
        if !self.configuration.sessions || !is_acknowledged {
            return;
        }
        for at in 0..self.configuration.instances {
            let is_new = self.from.instances[at].observed < of.version;
            if is_new && at != self.configuration.writers[writer].instance {
                let (instance, name) = (at + 1, writer + 1);
                self.act(format_args!("instance {instance}: observes the token of writer {name}"), |world| {
                    world.observe(at, writer, of.version);
                });
            }
        }
    }
}

impl World<'_> {
    /// `track::note`.
    pub(super) fn name_in_token(&mut self, writer: usize, received: bool) {
        self.state.writers[writer].received = self.configuration.sessions && received;
    }

    /// A group invalidation that was delivered.
    pub(super) fn name_invalidation_in_token(&mut self, writer: usize) {
        if self.configuration.writers[writer].kind == Kind::Invalidates {
            self.name_in_token(writer, true);
        }
    }

    fn observe(&mut self, at: usize, writer: usize, version: Version) {
        if self.is(Variant::TokenIgnored) {
            self.note(format_args!(", and does nothing"));
        } else if self.is_old(at, writer) {
            self.note(format_args!(", which is old"));
        } else {
            self.advance(at);
        }
        self.instance(at).observed = version;
    }

    /// Local hits already reflect the write without the session token.
    fn is_old(&self, at: usize, writer: usize) -> bool {
        let Writer { received, age, .. } = self.state.writers[writer];
        received
            && self.configuration.has_clock()
            && self.may_read_shared(at)
            && self.is_trusted(at)
            && age.is_some_and(|age| age >= self.configuration.token_life())
    }
}
