//! `Coherence::join`: a connected instance builds a store of a new namespace.
//!
//! It has received no messages for the keys of that namespace so far.

use super::Successors;
use crate::configuration::Variant;
use crate::state::{Bus, Heartbeat, Link, Namespace};
use crate::world::World;

impl Successors<'_> {
    pub(super) fn join(&mut self, at: usize) {
        let name = at + 1;
        let instance = self.from.instances[at];
        match (instance.namespace, instance.link) {
            (Namespace::Foreign, _) => {
                self.act(format_args!("instance {name}: a store joins"), |world| world.join_namespace(at));
            }
            (Namespace::Joined, Link::Subscribed | Link::FirstHeartbeat | Link::Trusted | Link::Up) => {
                self.act(format_args!("instance {name}: subscribes to the new namespace, flushes"), |world| {
                    world.widen(at);
                });
            }
            _ => {}
        }
    }
}

impl World<'_> {
    /// Ends the trust in the local tier; the shared tier stays usable.
    fn join_namespace(&mut self, at: usize) {
        let is_trusting = self.is(Variant::TrustingJoin);
        let instance = self.instance(at);
        instance.namespace = Namespace::Joined;
        if !is_trusting {
            instance.trust = 0;
        }
    }

    /// `supervisor::subscribe`. Earlier heartbeats do not count.
    fn widen(&mut self, at: usize) {
        let namespace = self.state.redis.namespace;
        let instance = self.instance(at);
        instance.namespace = Namespace::Subscribed;
        instance.bus = Bus::default();
        if instance.link == Link::FirstHeartbeat {
            instance.bus.heartbeat = Some(Heartbeat { age: 0, namespace });
        }
        self.advance(at);
    }
}
