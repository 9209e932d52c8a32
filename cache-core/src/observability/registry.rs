//! The counters of all regions of a cache.
//!
//! It keeps the counts of regions that were dropped, so that the statistics of a cache never decrease. It does not keep
//! a region alive.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Counters, Stats};

/// The current contents of a region.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Occupancy {
    /// The number of local entries, including outdated ones that are not evicted yet.
    pub(crate) entries: u64,
    /// Their weight in bytes, if the tier is bounded by it.
    pub(crate) weight: Option<u64>,
    /// The number of keys with a flight in progress.
    pub(crate) in_flight: usize,
}

impl Occupancy {
    fn add(&mut self, Self { entries, weight, in_flight }: Self) {
        self.entries += entries;
        self.weight = self.weight.into_iter().chain(weight).reduce(|sum, weight| sum + weight);
        self.in_flight += in_flight;
    }
}

/// A region that reports its contents.
pub(crate) trait Occupied: Send + Sync {
    fn occupancy(&self) -> Occupancy;
}

/// The counters of every region of a cache.
#[derive(Debug, Default)]
pub(crate) struct Registry(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    members: Vec<Member>,
    /// The counts of regions that were dropped.
    gone: Stats,
}

#[derive(Clone)]
struct Member {
    counters: Arc<Counters>,
    region: Weak<dyn Occupied>,
}

impl Member {
    /// Whether the region was dropped, so that only the registry holds its counters.
    fn is_gone(&self) -> bool {
        Arc::strong_count(&self.counters) == 1
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl Registry {
    pub(crate) fn register(&self, counters: Arc<Counters>, region: Weak<dyn Occupied>) {
        let mut known = self.lock();
        let Known { members, gone } = &mut *known;
        for left in members.extract_if(.., |member| member.is_gone()) {
            left.counters.publish();
            gone.count(&left.counters);
        }
        members.push(Member { counters, region });
    }

    pub(crate) fn read(&self) -> Stats {
        let known = self.lock();
        let mut stats = known.gone.clone();
        for member in &known.members {
            stats.count(&member.counters);
        }
        stats
    }

    /// Publishes the increments since the last call, and the current contents.
    pub(crate) fn publish(&self) {
        // Not under the lock: this call may be the last holder of a region, whose destructor drops user values.
        let members = self.lock().members.clone();
        let mut held: BTreeMap<_, Occupancy> = BTreeMap::new();
        for Member { counters, region } in &members {
            counters.publish();
            let here = region.upgrade().map_or_else(Occupancy::default, |region| region.occupancy());
            held.entry((counters.store, counters.method)).or_default().add(here);
        }
        for Member { counters, .. } in &members {
            counters.meter.occupied(held[&(counters.store, counters.method)]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
