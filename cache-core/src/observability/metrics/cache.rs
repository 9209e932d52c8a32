//! The series of a cache as a whole.

use std::fmt;

use super::handles::{Count, Level, Timing, describe};
use super::names;
use crate::observability::tally::{ANNOUNCEMENTS, Request, TOLD, Totals};
use crate::observability::{Backend, Health};
use crate::tier::remote::RemoteErrorKind;

/// The store and method labels of announcements: a write may lock scopes of several methods.
const EVERY: &str = "*";

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
        let error = |request: Request, kind: RemoteErrorKind| {
            Count::new(&names::ERRORS, &[("operation", request.name()), of_cache, ("kind", kind.name())])
        };
        let of_announcement =
            |request: Request| [("store", EVERY), ("method", EVERY), ("operation", request.name()), ("tier", "shared")];
        let told = |request, result| {
            Count::new(&names::OPERATIONS, &[&of_announcement(request)[..], &[("result", result)]].concat())
        };
        let level = |definition| Level::new(definition, &[of_cache]);
        Self {
            errors: Request::ALL.map(|request| RemoteErrorKind::ALL.map(|kind| error(request, kind)).into()).into(),
            announcements: ANNOUNCEMENTS.map(|request| TOLD.map(|result| told(request, result)).into()).into(),
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

    pub(crate) fn publish(&self, totals: &Totals, health: &Health, invalidations: u64) {
        let errors = self.errors.iter().flatten().zip(totals.errors.iter().flatten());
        let announcements = self.announcements.iter().flatten().zip(totals.announcements.iter().flatten());
        errors.chain(announcements).for_each(|(count, total)| count.publish(*total));
        self.invalidations.publish(invalidations);
        self.observed(health);
    }

    #[expect(clippy::cast_precision_loss, reason = "the journal is bounded")]
    fn observed(&self, health: &Health) {
        self.heartbeat_rtt.set(health.heartbeat_rtt.unwrap_or_default().as_secs_f64());
        self.bus_up.set(f64::from(u8::from(health.shared)));
        self.breaker_open.set(f64::from(u8::from(health.breaker_open)));
        self.journal.set((health.pending_invalidations + usize::from(health.journal_overflowed)) as f64);
        self.staleness.set(health.staleness_bound.as_secs_f64());
    }
}

impl fmt::Debug for CacheMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheMeter").finish_non_exhaustive()
    }
}
