//! What every region of a cache counts, together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Counters, Stats};

/// What a region holds at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Occupancy {
    /// In the local tier, with those that are out of date and not evicted yet.
    pub(crate) entries: u64,
    /// Keys that are being looked up.
    pub(crate) flights: usize,
}

/// Something that can be asked for it.
pub(crate) trait Occupied: Send + Sync {
    fn occupancy(&self) -> Occupancy;
}

/// The counters of every region of a cache.
#[derive(Debug, Default)]
pub(crate) struct Registry(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    members: Vec<Member>,
    /// What regions counted that are gone.
    gone: Stats,
}

#[derive(Clone)]
struct Member {
    counters: Arc<Counters>,
    region: Weak<dyn Occupied>,
}

impl Member {
    /// Nobody but the registry holds the counters of a region that is gone.
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

    /// Tells the recorder what was counted since the last time, and what is held at this moment.
    pub(crate) fn publish(&self) {
        // Not under the lock: the last holder of a region may be this call, and dropping it drops values of its user.
        let members = self.lock().members.clone();
        let mut held: BTreeMap<_, Occupancy> = BTreeMap::new();
        for Member { counters, region } in &members {
            counters.publish();
            let here = region.upgrade().map_or_else(Occupancy::default, |region| region.occupancy());
            let sum = held.entry((counters.store, counters.method)).or_default();
            *sum = Occupancy { entries: sum.entries + here.entries, flights: sum.flights + here.flights };
        }
        for Member { counters, .. } in &members {
            counters.meter.occupied(held[&(counters.store, counters.method)]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
