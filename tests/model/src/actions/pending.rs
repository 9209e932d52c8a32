//! Pending writers: a write whose result names its scopes registers on the whole method.
//!
//! The registration does not invalidate: cached entries stay hits until it expires. Then the generation of the wide
//! scope counts as missing, and local tiers invalidate the method.

use super::Successors;
use super::write::WIDE;
use crate::configuration::{Kind, Variant};
use crate::state::{Generation, Link, Messages, Namespace, Phase, Scopes};
use crate::world::World;

impl Successors<'_> {
    pub(super) fn unregister(&mut self, writer: usize, placed: bool) {
        self.act(format_args!("writer {}: ZREM of its registration", writer + 1), |world| {
            world.remove_registration(writer);
            if world.is(Variant::UnregisterFirst) {
                let left = world.configuration.writers[writer].scopes;
                world.state.writers[writer].phase = Phase::Releases { left, placed };
            } else {
                world.wait_or_acknowledge(writer, true, placed);
            }
        });
    }
}

impl World<'_> {
    pub(super) fn is_by_result(&self, writer: usize) -> bool {
        self.configuration.writers[writer].kind == Kind::ByResult
    }

    /// Executes REGISTER: the generation stays and now carries the expiry.
    pub(super) fn register_writer(&mut self, writer: usize) {
        if self.is(Variant::NoRegistration) {
            return;
        }
        let bit = 1 << writer;
        self.state.redis.pending |= bit;
        if let Generation::Free(_) = self.state.redis.generations[WIDE] {
            self.state.redis.suffix |= bit;
        }
        self.publish(Messages { begins: bit, ..Messages::default() });
        self.published(writer);
    }

    pub(super) fn remove_registration(&mut self, writer: usize) {
        let bit = 1 << writer;
        self.state.redis.pending &= !bit;
        self.state.redis.suffix &= !bit;
        self.publish(Messages { ends: bit, ..Messages::default() });
    }

    /// Expires a registration together with the generation that carries it.
    pub(super) fn expire_registration(&mut self, writer: usize) {
        let bit = 1 << writer;
        self.state.redis.pending &= !bit;
        if self.state.redis.suffix & bit != 0 && matches!(self.state.redis.generations[WIDE], Generation::Free(_)) {
            self.state.redis.generations[WIDE] = Generation::Missing;
            self.state.redis.suffix = 0;
        }
        self.state.expired |= bit;
        if !self.configuration.has_clock() {
            self.forget_expired();
        }
    }

    /// Invalidates the method on each instance that knows of an expired registration.
    ///
    /// Each instance does so less than a lease later than Redis, since it accepts only messages younger than a lease.
    pub(super) fn forget_expired(&mut self) {
        let expired = self.state.expired;
        for at in 0..self.configuration.instances {
            if self.state.instances[at].expects & expired != 0 {
                self.instance(at).expects &= !expired;
                self.advance(at);
            }
        }
    }

    /// Processes messages in the order of the bus, as `Listener::message` does.
    pub(super) fn received(&mut self, at: usize, messages: Messages) {
        let Messages { invalidates, begins, ends } = messages;
        let comes_late = begins != 0 && !self.is_trusted(at) && !self.is(Variant::LateRegistration);
        if invalidates || comes_late {
            self.advance(at);
        }
        if !comes_late && !self.is(Variant::ExpiryIgnored) {
            self.instance(at).expects |= begins;
        }
        self.instance(at).expects &= !ends;
    }

    /// Limits the local life of a fill to the expiry that its generation carries.
    pub(super) fn limit_fill(&mut self, at: usize) {
        if self.configuration.has_bus() && !self.is(Variant::FillOutlivesExpiry) {
            let suffix = self.state.redis.suffix;
            self.instance(at).expects |= suffix;
        }
    }

    /// The scopes that a write of unknown outcome invalidates.
    pub(super) fn reach(&self, writer: usize) -> Scopes {
        if self.is_by_result(writer) { Scopes::of(WIDE) } else { self.configuration.writers[writer].scopes }
    }

    /// Puts messages into the bus of each connection of an instance with a local tier.
    pub(super) fn publish(&mut self, messages: Messages) {
        for at in 0..self.configuration.instances {
            if self.configuration.listens(at) {
                let instance = self.instance(at);
                let is_subscribed = instance.namespace == Namespace::Subscribed;
                if is_subscribed
                    && matches!(instance.link, Link::Subscribed | Link::FirstHeartbeat | Link::Trusted | Link::Up)
                {
                    instance.bus.publish(messages);
                }
            }
        }
    }
}

impl Messages {
    pub(super) const INVALIDATION: Self = Self { invalidates: true, begins: 0, ends: 0 };

    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    pub(super) fn join(&mut self, other: Self) {
        self.invalidates |= other.invalidates;
        self.begins |= other.begins;
        self.ends |= other.ends;
    }
}
