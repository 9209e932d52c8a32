//! The controls: with one protection disabled, violations are expected.
//!
//! `OneToken` is not among them: the release repairs the effects of a lost lock, so a violation requires a writer that
//! is killed at the right moment. R10 stages it.

use std::time::Duration;

use cache_core::testing::Weakness;
use cache_core::{CacheBuilder, Mode};

use crate::settings::Spans;

/// The changes for a disabled protection.
struct Control {
    name: &'static str,
    weaken: fn(CacheBuilder, Spans) -> CacheBuilder,
}

/// The protections that a run can disable.
///
/// Those from `lease` on have an effect only with faults: a late bus, a killed writer, an unreachable Redis. The last
/// two need an outage of all processes.
const CONTROLS: [Control; 10] = [
    Control { name: FENCE, weaken: |cache, _| cache.weaken(Weakness::NoFence) },
    Control { name: "sequences", weaken: |cache, _| cache.weaken(Weakness::NoSequenceCheck) },
    Control { name: "next-flights", weaken: |cache, _| cache.weaken(Weakness::JoinAnyFlight) },
    Control { name: "local-advance", weaken: |cache, _| cache.weaken(Weakness::NoLocalAdvance) },
    Control { name: "lease", weaken: |cache, spans| cache.lease(spans.lease * 5) },
    Control { name: "lock", weaken: |cache, _| cache.write_lock_ttl(Duration::from_millis(1)) },
    Control { name: "degraded-ttl", weaken: |cache, spans| cache.degraded_ttl(spans.degraded * 5) },
    Control { name: STRICT_WAIT, weaken: |cache, _| cache },
    Control { name: "barrier", weaken: |cache, _| cache.weaken(Weakness::NoBarrier) },
    Control { name: "late-acknowledgement", weaken: |cache, _| cache.weaken(Weakness::NoLateAcknowledgement) },
];

const FENCE: &str = "fence";
const STRICT_WAIT: &str = "strict-wait";

/// The names of the protections that can be disabled.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CONTROLS.iter().map(|control| control.name)
}

/// A cache with this protection disabled, or with all protections if there is no name.
pub(crate) fn without(name: Option<&str>, cache: CacheBuilder, spans: Spans) -> CacheBuilder {
    match CONTROLS.iter().find(|control| Some(control.name) == name) {
        Some(control) => (control.weaken)(cache, spans),
        None => cache,
    }
}

/// The actual wait of writes in mode `strict`.
pub(crate) fn strict_mode(name: Option<&str>) -> Mode {
    if name == Some(STRICT_WAIT) { Mode::Safe } else { Mode::Strict }
}

/// Whether the protection matters only for loads that a write overtakes.
pub(crate) fn needs_overtaken_loads(name: Option<&str>) -> bool {
    name == Some(FENCE)
}
