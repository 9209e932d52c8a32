//! One server of a cluster, and what it sends over its bus.

use std::sync::{Arc, Weak};

use redis::{Pipeline, Value};

use super::servers::Servers;
use super::stamp::{self, Stamp};
use super::topology::Primary;
use crate::protocol::{Bus, Message, Shard, TierError, is_generation};
use crate::runtime::sync::atomic::{AtomicI64, Ordering};
use crate::tier::shared::redis::call::{Call, Yields};
use crate::tier::shared::redis::server::Server;
use crate::tier::shared::redis::transport::Transport as _;

/// The connections to one primary.
pub(super) struct Node {
    pub(super) id: String,
    pub(super) address: (String, u16),
    pub(super) server: Server,
    process: String,
    clock: Arc<AheadBy>,
}

/// How far a server's clock is ahead of the reference clock, in milliseconds.
pub(super) type AheadBy = AtomicI64;

impl Node {
    pub(super) fn new(primary: &Primary, server: Server, clock: Arc<AheadBy>) -> Self {
        let process = stamp::mark(server.run_id());
        Self { id: primary.id.clone(), address: primary.address.clone(), server, process, clock }
    }

    /// Executes calls in their order. `asking` are those whose slots are on their way to this server.
    pub(super) async fn execute(&self, calls: &[(&Call, bool)]) -> Result<Vec<Value>, TierError> {
        let mut pipeline = Pipeline::with_capacity(calls.len());
        for (call, asking) in calls {
            if *asking {
                pipeline.cmd("ASKING");
            }
            pipeline.add_command(call.at(&self.id));
        }
        let mut replies = self.server.send(&pipeline).await?.into_iter();
        let reply = |(call, asking): &(&Call, bool)| {
            if *asking {
                replies.next();
            }
            replies.next().map_or(Value::Nil, |reply| self.stamped(call, reply))
        };
        Ok(calls.iter().map(reply).collect())
    }

    /// Stamps the generations and epochs in a reply.
    fn stamped(&self, call: &Call, reply: Value) -> Value {
        let stamp = Stamp { process: &self.process, ahead: self.clock.load(Ordering::Relaxed) };
        match (call.yields(), reply) {
            (Yields::Generation, reply) => stamp.value(reply),
            (Yields::Generations, Value::Array(values)) => {
                Value::Array(values.into_iter().map(|value| stamp.value(value)).collect())
            }
            (Yields::Values, Value::Array(values)) => {
                let stamped = |(key, value)| if is_generation(key) { stamp.value(value) } else { value };
                Value::Array(call.args().skip(1).zip(values).map(stamped).collect())
            }
            (Yields::Epochs, Value::Array(parts)) => {
                Value::Array(parts.into_iter().map(|part| stamp.epoch_of(part)).collect())
            }
            (_, reply) => reply,
        }
    }

    /// Subscribes to channels, and waits for the reply.
    pub(super) async fn subscribe(&self, channels: &[String]) -> Result<(), TierError> {
        let channels: Vec<String> = channels.iter().map(|channel| format!("{channel}:{}", self.id)).collect();
        self.server.subscribe(&channels).await
    }

    /// The server as health shows it, with this number of slots.
    pub(super) fn shard(&self, slots: usize) -> Shard {
        Shard { id: self.id.clone(), slots, clock_ahead: self.clock.load(Ordering::Relaxed) }
    }

    pub(super) fn set_ahead(&self, millis: i64) {
        self.clock.store(millis, Ordering::Relaxed);
    }
}

/// Receives the messages of one server.
#[derive(Debug)]
pub(super) struct NodeBus {
    pub(super) id: String,
    pub(super) clock: Arc<AheadBy>,
    pub(super) servers: Weak<Servers>,
}

impl Bus for NodeBus {
    fn message(&self, payload: &[u8]) {
        let Some(servers) = self.servers.upgrade() else { return };
        if let Some(Message::Heartbeat { nonce }) = Message::parse(payload) {
            if servers.gather.returned(nonce, &self.id) {
                servers.bus.message(payload);
            }
            return;
        }
        match stamp::message(payload, self.clock.load(Ordering::Relaxed)) {
            Some(message) => servers.bus.message(message.as_bytes()),
            None => servers.bus.message(payload),
        }
    }

    fn missed(&self) {
        if let Some(servers) = self.servers.upgrade() {
            servers.bus.missed();
        }
    }

    fn disconnected(&self) {
        if let Some(servers) = self.servers.upgrade() {
            servers.lost(&self.id);
        }
    }
}
