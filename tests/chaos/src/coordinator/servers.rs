//! The servers of the shared tier, whose faults depend on their kind.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use cache_chaos::history::{Deployment, FaultKind};
use cache_chaos::schedule::Planned;
use cache_tests::{Direction, FaultProxy, RedisServer};

use super::cluster::Cluster;
use super::redis::Redis;

/// Requests that a reset answers: write locks, releases and heartbeats; fills; reads.
const REQUESTS: [&str; 3] = ["EVALSHA", "SET", "MGET"];

/// The servers of the workers.
pub(super) trait Servers {
    /// The address for a place.
    fn url(&self, place: usize) -> String;

    /// Prepares a fault before it begins.
    fn prepare(&mut self, fault: &Planned);

    /// Injects a fault of the servers, and returns when it has healed.
    fn act(&mut self, fault: &Planned);

    /// Restores what the next fault requires.
    fn recover(&mut self, fault: &Planned);

    /// Begins to disturb the connections of these places, which are one place or all.
    fn disturb(&mut self, places: Range<usize>, kind: FaultKind, draw: u64);

    /// Ends every disturbance.
    fn heal(&mut self);
}

/// Starts the servers for this number of places.
pub(super) fn start(deployment: Deployment, places: usize) -> Box<dyn Servers> {
    match deployment {
        Deployment::Single => Box::new(Redis::start(places)),
        Deployment::Cluster => Box::new(Cluster::start(places)),
    }
}

/// Disturbs the connections through a proxy.
pub(super) fn disturb(proxy: &mut FaultProxy, kind: FaultKind, draw: u64) {
    match kind {
        FaultKind::Cut if draw.is_multiple_of(2) => proxy.cut_with_reset(),
        FaultKind::Cut => proxy.cut(),
        FaultKind::HalfOpen => proxy.half_open(direction(draw)),
        FaultKind::Latency => proxy.latency(direction(draw), Duration::from_millis(5 + draw % 120)),
        FaultKind::Slices => proxy.slice(1 + usize::try_from(draw % 7).unwrap_or(0)),
        FaultKind::ResetAfterSend => {
            let request = usize::try_from(draw % REQUESTS.len() as u64).unwrap_or(0);
            proxy.reset_after_send(REQUESTS[request]);
        }
        _ => {}
    }
}

fn direction(draw: u64) -> Direction {
    // Other bits than those that determine the amount.
    match (draw >> 32) % 3 {
        0 => Direction::ToServer,
        1 => Direction::ToClient,
        _ => Direction::Both,
    }
}

pub(super) fn addr(server: &RedisServer) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, server.port()).into()
}
