//! Loads that read through the cache themselves.
//!
//! A task-local chain holds the keys that the current task is loading. It distinguishes a nested read from an outer
//! one: a nested read needs no permit, and a read of a key that an enclosing load is loading must not wait for that
//! load. A task that the load spawns is not part of the chain.

use std::any::Any;
use std::future::Future;
use std::iter;
use std::sync::Arc;

use super::circles::{Circle, Waiting};
use crate::key::KeyPart;
use crate::single_flight::FlightId;

#[cfg(all(test, shuttle))]
use super::interleavings::frames::{current, scope};

#[cfg(not(all(test, shuttle)))]
tokio::task_local! {
    static CURRENT: Arc<Frame>;
}

/// One load: its region, its keys, and the load that encloses it.
pub(super) struct Frame {
    region: usize,
    /// A `Vec<K>` of the region's keys.
    keys: Box<dyn Any + Send + Sync>,
    /// The flights that end with this load.
    flights: Vec<FlightId>,
    outer: Option<Arc<Frame>>,
}

/// Whether the current task is loading a key already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recursion {
    None,
    /// Once: the load of the inner read may stop the recursion.
    Once,
    /// The inner load has read the key again.
    Endless,
}

impl Frame {
    /// Creates the frame of a load of these keys, inside the current load if there is one.
    pub(super) fn new<K: KeyPart>(region: usize, keys: Vec<K>, flights: Vec<FlightId>) -> Arc<Self> {
        Arc::new(Self { region, keys: Box::new(keys), flights, outer: current() })
    }

    /// Runs `load` as part of this one.
    pub(super) fn scope<F: Future>(self: Arc<Self>, load: F) -> impl Future<Output = F::Output> {
        scope(self, load)
    }

    /// Whether this load is inside another load.
    pub(super) fn is_nested(&self) -> bool {
        self.outer.is_some()
    }

    fn is_of<K: KeyPart>(&self, region: usize, key: &K) -> bool {
        let keys = || self.keys.downcast_ref::<Vec<K>>().into_iter().flatten();
        self.region == region && keys().any(|known| known.same_key(key))
    }
}

/// Whether the current task is part of a load.
pub(super) fn is_nested() -> bool {
    current().is_some()
}

/// Checks for recursion: how often the current task is loading this key already.
///
/// `count` is the number of keys that are read together. A load of many keys may read some of them again, so only loads
/// of at most `count` keys indicate endless recursion.
pub(super) fn recursion<K: KeyPart>(region: usize, key: &K, count: usize) -> Recursion {
    let innermost = current();
    let frames = || chain(innermost.as_ref()).filter(|frame| frame.is_of(region, key));
    let lengths = frames().map(|frame| frame.keys.downcast_ref::<Vec<K>>().map_or(0, Vec::len));
    match (frames().next(), lengths.filter(|length| *length <= count).count()) {
        (None, _) => Recursion::None,
        (Some(_), 0 | 1) => Recursion::Once,
        (Some(_), _) => Recursion::Endless,
    }
}

/// Registers that the current task waits for flights. Outside of a load it does nothing.
pub(super) fn wait(flight: FlightId, before: Option<FlightId>) -> Result<Option<Waiting>, Circle> {
    let Some(innermost) = current() else { return Ok(None) };
    let loads: Vec<FlightId> = chain(Some(&innermost)).flat_map(|frame| &frame.flights).copied().collect();
    Waiting::enter(&loads, flight, before).map(Some)
}

fn chain(innermost: Option<&Arc<Frame>>) -> impl Iterator<Item = &Frame> {
    iter::successors(innermost.map(Arc::as_ref), |frame| frame.outer.as_deref())
}

#[cfg(not(all(test, shuttle)))]
fn current() -> Option<Arc<Frame>> {
    CURRENT.try_with(Arc::clone).ok()
}

#[cfg(not(all(test, shuttle)))]
fn scope<F: Future>(frame: Arc<Frame>, load: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(frame, load)
}
