//! The controls: with one protection disabled, violations are expected.
//!
//! `OneToken` is not among them: the release repairs the effects of a lost lock, so a violation requires a writer that
//! is killed at the right moment. R10 stages it.

use std::time::Duration;

use cache_core::testing::Protection;
use cache_core::{CacheBuilder, Mode};

use crate::settings::Spans;

/// The changes for a disabled protection.
struct Control {
    name: &'static str,
    disable: fn(CacheBuilder, Spans) -> CacheBuilder,
}

/// The protections that a run can disable.
///
/// Those from `lease` on have an effect only with faults: a late bus, a killed writer, an unreachable Redis. The last
/// two need an outage of all processes.
const CONTROLS: [Control; 10] = [
    Control { name: FENCE, disable: |cache, _| cache.without(Protection::Fence) },
    Control { name: "sequences", disable: |cache, _| cache.without(Protection::SequenceCheck) },
    Control { name: "next-flights", disable: |cache, _| cache.without(Protection::NextFlight) },
    Control { name: "local-advance", disable: |cache, _| cache.without(Protection::LocalInvalidation) },
    Control { name: "lease", disable: |cache, spans| cache.lease(spans.lease * 5) },
    Control { name: "lock", disable: |cache, _| cache.write_lock_ttl(Duration::from_millis(1)) },
    Control { name: "degraded-ttl", disable: |cache, spans| cache.degraded_ttl(spans.degraded * 5) },
    Control { name: STRICT_WAIT, disable: |cache, _| cache },
    Control { name: "barrier", disable: |cache, _| cache.without(Protection::RecoveryBarrier) },
    Control { name: "late-acknowledgement", disable: |cache, _| cache.without(Protection::LateAcknowledgement) },
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
        Some(control) => (control.disable)(cache, spans),
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
