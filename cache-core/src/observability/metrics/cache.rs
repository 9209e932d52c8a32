//! The series of a cache as a whole.

use std::fmt;
use std::time::Duration;

use super::handles::{Count, Level, Timing, describe};
use super::names;
use crate::observability::cache_counters::{ANNOUNCEMENTS, DELIVERIES, Request, Totals};
use crate::protocol::{Backend, TierErrorKind};

/// The store and method labels of announcements: a write may lock scopes of several methods.
const EVERY: &str = "*";

/// The current state of a cache, as its gauges show it.
#[derive(Debug)]
pub(crate) struct Levels {
    pub(crate) heartbeat_rtt: Duration,
    /// Whether the shared tier may be used.
    pub(crate) shared: bool,
    pub(crate) breaker_open: bool,
    pub(crate) pending_invalidations: usize,
    pub(crate) staleness_bound: Duration,
}

/// The handles of one cache.
pub(crate) struct CacheMeter {
    /// The errors by request, then by kind.
    errors: Vec<Vec<Count>>,
    /// The announcements by kind, then by outcome.
    announcements: Vec<Vec<Count>>,
    timings: [Timing; ANNOUNCEMENTS.len()],
    invalidations: Count,
    heartbeat_rtt: Level,
    bus_up: Level,
    breaker_open: Level,
    journal: Level,
    staleness: Level,
}

impl CacheMeter {
    pub(crate) fn new(backend: Backend) -> Self {
        describe();
        let of_cache = ("backend", backend.name());
        let error = |request: Request, kind: TierErrorKind| {
            Count::new(&names::ERRORS, &[("operation", request.name()), of_cache, ("kind", kind.name())])
        };
        let of_announcement =
            |request: Request| [("store", EVERY), ("method", EVERY), ("operation", request.name()), ("tier", "shared")];
        let told = |request, result| {
            Count::new(&names::OPERATIONS, &[&of_announcement(request)[..], &[("result", result)]].concat())
        };
        let level = |definition| Level::new(definition, &[of_cache]);
        Self {
            errors: Request::ALL.map(|request| TierErrorKind::ALL.map(|kind| error(request, kind)).into()).into(),
            announcements: ANNOUNCEMENTS.map(|request| DELIVERIES.map(|result| told(request, result)).into()).into(),
            timings: ANNOUNCEMENTS.map(|request| Timing::new(&names::DURATION, &of_announcement(request))),
            invalidations: Count::new(&names::BUS_INVALIDATIONS, &[of_cache]),
            heartbeat_rtt: level(&names::BUS_LAG),
            bus_up: level(&names::BUS_UP),
            breaker_open: level(&names::BREAKER_OPEN),
            journal: level(&names::JOURNAL),
            staleness: level(&names::STALENESS),
        }
    }

    /// Returns the duration histogram of this kind of announcement. The index must be that of an announcement.
    pub(crate) fn timing(&self, announcement: usize) -> &Timing {
        &self.timings[announcement]
    }

    pub(crate) fn publish(&self, totals: &Totals, levels: &Levels, invalidations: u64) {
        let errors = self.errors.iter().flatten().zip(totals.errors.iter().flatten());
        let announcements = self.announcements.iter().flatten().zip(totals.announcements.iter().flatten());
        errors.chain(announcements).for_each(|(count, total)| count.publish(*total));
        self.invalidations.publish(invalidations);
        self.observed(levels);
    }

    #[expect(clippy::cast_precision_loss, reason = "the journal is bounded")]
    fn observed(&self, levels: &Levels) {
        self.heartbeat_rtt.set(levels.heartbeat_rtt.as_secs_f64());
        self.bus_up.set(f64::from(u8::from(levels.shared)));
        self.breaker_open.set(f64::from(u8::from(levels.breaker_open)));
        self.journal.set(levels.pending_invalidations as f64);
        self.staleness.set(levels.staleness_bound.as_secs_f64());
    }
}

impl fmt::Debug for CacheMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheMeter").finish_non_exhaustive()
    }
}
