//! A Redis Cluster as one transport.
//!
//! There are two connections to each primary, as to a single server, and every command goes to the server of its slot.
//! Each server publishes on channels of its own, so that the messages of a server arrive in the order in which it
//! executed the commands, and a heartbeat counts once it has returned over the bus of every server. So the lease holds
//! for the whole cluster, and a slot may move between two heartbeats: both servers are listened to.
//!
//! Before a heartbeat each server is asked for its view of the cluster. A server that is new is connected to first, and
//! one that has lost its slots is left. The loss of a server with slots ends the connection as a whole: all members meet at the
//! recovery barrier.

mod gather;
mod node;
mod reads;
mod redirect;
mod routing;
mod servers;
mod slots;
mod stamp;
mod topology;

use std::sync::Arc;

use futures_util::future::{try_join, try_join_all};
use redis::Value;

use self::node::Node;
use self::reads::Reads;
use self::routing::MAX_REDIRECTIONS;
use self::servers::{NO_PRIMARY, Servers};
use super::call::Call;
use super::heartbeat::Pulse;
use super::operations::accepted;
use super::stream::Received;
use super::target::Target;
use super::transport::Transport;
use crate::protocol::{BusSink, Shard, TierError};

/// The primaries of a cluster.
pub(super) struct Cluster {
    servers: Arc<Servers>,
    /// The same for every process of the servers, whose marks are part of the generations.
    run_id: String,
    connected_at: u64,
}

impl Cluster {
    /// Connects to all primaries. One of the seeds has to be a server of the cluster that can be reached.
    ///
    /// If the future is dropped, or a step fails, the connections that are already open are closed.
    pub(super) async fn open(seeds: &[Target], bus: BusSink) -> Result<Self, TierError> {
        let servers = Servers::open(seeds, bus).await?;
        let members = servers.members();
        let first = members.nodes.first().ok_or_else(|| TierError::disconnected(NO_PRIMARY))?;
        let connected_at = first.server.connected_at();
        Ok(Self { servers, run_id: "cluster".to_owned(), connected_at })
    }
}

impl Transport for Cluster {
    fn run_id(&self) -> &str {
        &self.run_id
    }

    fn connected_at(&self) -> u64 {
        self.connected_at
    }

    fn received(&self) -> &Received {
        &self.servers.received
    }

    fn shards(&self) -> Vec<Shard> {
        let members = self.servers.members();
        let shard = |(place, node): (usize, &Arc<Node>)| node.shard(members.topology.slots(place));
        members.nodes.iter().enumerate().map(shard).collect()
    }

    fn close(&self) {
        for node in &self.servers.members().nodes {
            node.server.close();
        }
    }

    fn is_sharded(&self) -> bool {
        true
    }

    async fn values(&self, keys: &[&str]) -> Result<Vec<Value>, TierError> {
        let mut values = vec![Value::Nil; keys.len()];
        let reads = Reads::by_slot(keys);
        let replies = routing::execute(&self.servers, &reads.calls, 0).await?;
        let alone = reads.place(replies, &mut values)?;
        if !alone.is_empty() {
            let reads = Reads::one_by_one(keys, &alone);
            let replies = routing::execute(&self.servers, &reads.calls, MAX_REDIRECTIONS).await?;
            reads.place(replies, &mut values)?;
        }
        Ok(values)
    }

    async fn execute(&self, calls: &[Call]) -> Result<Vec<Value>, TierError> {
        routing::execute(&self.servers, calls, MAX_REDIRECTIONS).await
    }

    async fn beat(&self, beats: &[Call], pulse: &Pulse<'_>) -> Result<Vec<Value>, TierError> {
        let members = self.servers.refresh().await?;
        self.servers.gather.begin(pulse.beat.nonce, members.nodes.iter().map(|node| node.id.clone()).collect());
        let pulses = members.nodes.iter().enumerate().map(|(place, node)| {
            let call = pulse.call(members.topology.number_of(place, |number| pulse.tag(number)));
            async move { accepted(node.execute(&[(&call, false)]).await?) }
        });
        let (replies, times) = try_join(self.execute(beats), try_join_all(pulses)).await?;
        let reference = replies.first().and_then(time);
        for (node, time) in members.nodes.iter().zip(times.iter().map(|replies| replies.first().and_then(time))) {
            if let (Some(reference), Some(time)) = (reference, time) {
                node.set_ahead(time - reference);
            }
        }
        Ok(replies)
    }

    async fn subscribe(&self, channels: &[String]) -> Result<(), TierError> {
        self.servers.subscribe(channels).await
    }
}

/// The server's time in the reply to a heartbeat, in milliseconds.
fn time(reply: &Value) -> Option<i64> {
    match reply {
        Value::BulkString(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        Value::Array(parts) => parts.first().and_then(time),
        _ => None,
    }
}
