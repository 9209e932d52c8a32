//! `tier/shared/redis/scripts.rs`: each script is one step. A pipeline over several scopes is several steps.

use super::write::WIDE;
use crate::configuration::{Kind, Variant};
use crate::state::{Generation, Messages};
use crate::world::World;

impl World<'_> {
    pub(super) fn lock(&mut self, writer: usize, scope: usize) {
        let others = match self.state.redis.generations[scope] {
            Generation::Locked(owners) => owners,
            Generation::Missing | Generation::Free(_) => 0,
        };
        self.state.redis.generations[scope] = Generation::Locked(others | self.owner(writer));
        if scope == WIDE {
            self.state.redis.suffix = 0;
        }
        self.publish(Messages::INVALIDATION);
        self.published(writer);
    }

    pub(super) fn release(&mut self, writer: usize, scope: usize) {
        let owner = self.owner(writer);
        let was_mine = match self.state.redis.generations[scope] {
            Generation::Locked(owners) if owners & !owner != 0 => {
                self.state.redis.generations[scope] = Generation::Locked(owners & !owner);
                owners & owner != 0
            }
            other => {
                self.renew(scope);
                other == Generation::Locked(owner)
            }
        };
        if !was_mine {
            self.publish(Messages::INVALIDATION);
            self.published(writer);
        }
    }

    pub(super) fn invalidate(&mut self, scope: usize) {
        if !matches!(self.state.redis.generations[scope], Generation::Locked(_)) {
            self.renew(scope);
        }
        self.publish(Messages::INVALIDATION);
    }

    /// A lock expires; with the last one the key disappears.
    pub(super) fn expire(&mut self, writer: usize) {
        if self.is_by_result(writer) {
            return self.expire_registration(writer);
        }
        let owner = self.owner(writer);
        for state in &mut self.state.redis.generations {
            *state = match *state {
                Generation::Locked(owners) if owners & owner == owners => Generation::Missing,
                Generation::Locked(owners) => Generation::Locked(owners & !owner),
                other => other,
            };
        }
    }

    /// Creates a new generation.
    pub(super) fn renew(&mut self, scope: usize) {
        let token = match self.state.redis.generations[scope] {
            Generation::Free(counter) if self.is(Variant::Counter) => counter + 1,
            _ if self.is(Variant::Counter) => 0,
            _ => self.state.fresh_generation(scope),
        };
        self.state.redis.generations[scope] = Generation::Free(token);
        if scope == WIDE {
            let is_dropped = self.is(Variant::SuffixDropped);
            self.state.redis.suffix = if is_dropped { 0 } else { self.state.redis.pending };
        }
    }

    /// From here on the lease bounds how long a local hit may be stale.
    pub(super) fn published(&mut self, writer: usize) {
        if self.configuration.has_clock() {
            self.state.writers[writer].message_age = Some(0);
        }
    }

    fn owner(&self, writer: usize) -> u8 {
        let is_shared = self.is(Variant::OneToken) && self.configuration.writers[writer].kind == Kind::Locks;
        if is_shared { 1 } else { 1 << writer }
    }
}
