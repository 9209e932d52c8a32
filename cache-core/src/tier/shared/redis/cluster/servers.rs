//! The servers of a cluster that the cache is connected to, and how they change.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use futures_util::future::{select_ok, try_join_all};

use super::gather::Gather;
use super::node::{AheadBy, Node, NodeBus};
use super::redirect;
use super::slots;
use super::topology::{self, Primary, Topology};
use crate::protocol::{BusSink, TierError, TierErrorKind};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};
use crate::tier::shared::redis::call::Call;
use crate::tier::shared::redis::connect;
use crate::tier::shared::redis::operations::{accepted, unexpected};
use crate::tier::shared::redis::stream::Received;
use crate::tier::shared::redis::target::Target;

pub(super) const NO_PRIMARY: &str = "the cluster has no primary";
/// How often the servers are asked for their views until nothing changes.
const MAX_ROUNDS: usize = 4;

/// The connected primaries of a cluster.
pub(super) struct Servers {
    /// The credentials and certificates of every server.
    target: Target,
    pub(super) received: Received,
    pub(super) bus: BusSink,
    pub(super) gather: Gather,
    members: ArcSwap<Members>,
    /// The channels that are subscribed to, without the ids of servers.
    channels: Mutex<Vec<String>>,
    /// Held while servers are added or removed, so that each is subscribed to every channel.
    changing: tokio::sync::Mutex<()>,
}

/// The connected primaries at one time.
#[derive(Default)]
pub(super) struct Members {
    /// In the order of the topology.
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) topology: Topology,
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers").field("count", &self.members().nodes.len()).finish_non_exhaustive()
    }
}

/// Asks a server that nothing is known of for its view of the cluster.
async fn first_view(seed: &Target) -> Result<(&Target, Vec<Primary>), TierError> {
    let text = connect::cluster_nodes(seed).await?;
    let primaries: Vec<_> = topology::parse(&text, seed.host(), seed.is_encrypted()).collect();
    if primaries.is_empty() { Err(TierError::new(TierErrorKind::Refused, NO_PRIMARY)) } else { Ok((seed, primaries)) }
}

impl Servers {
    /// Connects to all primaries of the cluster that one of the seeds belongs to.
    pub(super) async fn open(seeds: &[Target], bus: BusSink) -> Result<Arc<Self>, TierError> {
        let ((seed, view), _) = select_ok(seeds.iter().map(|seed| first_view(seed).boxed())).await?;
        let servers = Arc::new(Self {
            target: seed.clone(),
            received: Received::default(),
            bus,
            gather: Gather::default(),
            members: ArcSwap::default(),
            channels: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        });
        servers.adopt(Topology::merge(view)).await?;
        servers.refresh().await?;
        Ok(servers)
    }

    pub(super) fn members(&self) -> Arc<Members> {
        self.members.load_full()
    }

    /// Asks every server for its view, and connects to those that are new. Returns the servers afterwards.
    pub(super) async fn refresh(self: &Arc<Self>) -> Result<Arc<Members>, TierError> {
        let _changing = self.changing.lock().await;
        for _ in 0..MAX_ROUNDS {
            let members = self.members();
            let views = try_join_all(members.nodes.iter().map(|node| self.view(node))).await?;
            let topology = Topology::merge(views.into_iter().flatten());
            if topology == members.topology {
                return Ok(members);
            }
            self.adopt(topology).await?;
        }
        Err(TierError::disconnected("the servers of the cluster do not agree about their slots"))
    }

    async fn view(&self, node: &Node) -> Result<Vec<Primary>, TierError> {
        let mut nodes = Call::command("CLUSTER");
        nodes.arg("NODES");
        let reply = accepted(node.execute(&[(&nodes, false)]).await?)?.pop();
        let text = reply.and_then(|reply| redis::from_redis_value::<String>(reply).ok());
        let text = text.ok_or_else(|| unexpected("CLUSTER NODES"))?;
        Ok(topology::parse(&text, &node.address.0, self.target.is_encrypted()).collect())
    }

    /// Connects to the servers of a topology that are new, and leaves those that are gone.
    ///
    /// A server without slots may be out of reach. It is left out.
    ///
    /// What a server has published before it was subscribed to, or after it was left, has not arrived. So the local tier
    /// is flushed before the next heartbeat can return.
    async fn adopt(self: &Arc<Self>, mut topology: Topology) -> Result<(), TierError> {
        let known = self.members();
        let nodes = topology.primaries.iter().map(|primary| self.node(&known, &topology, primary));
        let nodes = try_join_all(nodes).await?;
        topology.retain(|place| nodes[place].is_some());
        let nodes: Vec<Arc<Node>> = nodes.into_iter().flatten().collect();
        let is_same =
            known.nodes.len() == nodes.len() && known.nodes.iter().zip(&nodes).all(|(a, b)| Arc::ptr_eq(a, b));
        self.members.store(Arc::new(Members { nodes, topology }));
        if !is_same {
            self.bus.missed();
        }
        Ok(())
    }

    /// The connection to a primary: the one that exists, or a new one.
    async fn node(
        self: &Arc<Self>,
        known: &Members,
        topology: &Topology,
        primary: &Primary,
    ) -> Result<Option<Arc<Node>>, TierError> {
        let is_same = |node: &&Arc<Node>| node.id == primary.id && node.address == primary.address;
        if let Some(node) = known.nodes.iter().find(is_same) {
            return Ok(Some(Arc::clone(node)));
        }
        match self.open_node(primary).await {
            Ok(node) => Ok(Some(Arc::new(node))),
            Err(error) if topology.has_slots(&primary.id) => Err(error),
            Err(_) => Ok(None),
        }
    }

    async fn open_node(self: &Arc<Self>, primary: &Primary) -> Result<Node, TierError> {
        let clock = Arc::new(AheadBy::default());
        let bus = NodeBus { id: primary.id.clone(), clock: Arc::clone(&clock), servers: Arc::downgrade(self) };
        let target = self.target.at(&primary.address)?;
        let server = connect::open(&target, Arc::new(bus), &self.received).await?;
        let node = Node::new(primary, server, clock);
        let channels = self.channels().clone();
        if !channels.is_empty() {
            node.subscribe(&channels).await?;
        }
        Ok(node)
    }

    /// Subscribes to channels on every server, and on those that are new later.
    pub(super) async fn subscribe(&self, channels: &[String]) -> Result<(), TierError> {
        let _changing = self.changing.lock().await;
        channels.clone_into(&mut self.channels());
        let members = self.members();
        try_join_all(members.nodes.iter().map(|node| node.subscribe(channels))).await.map(drop)
    }

    fn channels(&self) -> MutexGuard<'_, Vec<String>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles the end of the connection to a server. Only without slots the others can do without it.
    pub(super) fn lost(&self, id: &str) {
        if self.members().topology.has_slots(id) {
            return self.bus.disconnected();
        }
        self.change(|members| {
            let (mut topology, nodes) = (members.topology.clone(), &members.nodes);
            topology.retain(|place| nodes[place].id != id);
            let nodes = nodes.iter().filter(|node| node.id != id).cloned().collect();
            Members { nodes, topology }
        });
        self.bus.missed();
    }

    /// Records that a slot has moved to a server.
    pub(super) fn moved(&self, slot: u16, node: &Node) {
        self.change(|members| {
            let (mut topology, nodes) = (members.topology.clone(), members.nodes.clone());
            topology.set_owner(slot, &node.id);
            Members { nodes, topology }
        });
    }

    fn change(&self, change: impl Fn(&Members) -> Members) {
        self.members.rcu(|members| Arc::new(change(members)));
    }

    /// Returns the server that a redirection names. A server that is new is connected to.
    pub(super) async fn find(
        self: &Arc<Self>,
        address: &redirect::Address,
        from: &Node,
    ) -> Result<Arc<Node>, TierError> {
        if let Some(node) = self.members().node_at(address, from) {
            return Ok(Arc::clone(node));
        }
        self.refresh().await?.node_at(address, from).cloned().ok_or_else(|| {
            TierError::disconnected("the cluster names a server that none of its servers knows as a primary")
        })
    }
}

impl Members {
    /// The server of a call. Without an owner of its slot, any server returns the error.
    pub(super) fn node_of(&self, call: &Call) -> Option<&Arc<Node>> {
        let place = call.route().and_then(|key| self.topology.owner(slots::of(key))).unwrap_or(0);
        self.nodes.get(place)
    }

    fn node_at(&self, (host, port): &redirect::Address, from: &Node) -> Option<&Arc<Node>> {
        let host = if host.is_empty() { &from.address.0 } else { host };
        self.nodes.iter().find(|node| node.address.0 == *host && node.address.1 == *port)
    }
}
