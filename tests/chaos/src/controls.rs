//! The controls: one protection each is taken out, and violations are expected.
//!
//! One token for all writers is none of them: the release repairs what the lost lock let in, so that a violation takes a writer
//! that is killed at the right moment. R10 stages it.

use std::time::Duration;

use cache_core::testing::Weakness;
use cache_core::{CacheBuilder, Mode};

use crate::settings::{DEGRADED, LEASE};

/// What is different without a protection.
struct Control {
    name: &'static str,
    weaken: fn(CacheBuilder) -> CacheBuilder,
}

/// The last four show only with faults: a bus that is late, a writer that is killed, a Redis that is away.
const CONTROLS: [Control; 8] = [
    Control { name: "fence", weaken: |cache| cache.weaken(Weakness::NoFence) },
    Control { name: "sequences", weaken: |cache| cache.weaken(Weakness::NoSequenceCheck) },
    Control { name: "next-flights", weaken: |cache| cache.weaken(Weakness::JoinAnyFlight) },
    Control { name: "local-advance", weaken: |cache| cache.weaken(Weakness::NoLocalAdvance) },
    Control { name: "lease", weaken: |cache| cache.lease(LEASE * 5) },
    Control { name: "lock", weaken: |cache| cache.lock(Duration::from_millis(1)) },
    Control { name: "degraded-ttl", weaken: |cache| cache.degraded_ttl(DEGRADED * 5) },
    Control { name: STRICT_WAIT, weaken: |cache| cache },
];

const STRICT_WAIT: &str = "strict-wait";

/// The names of the protections that can be taken out.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CONTROLS.iter().map(|control| control.name)
}

/// A cache without this protection; with all of them where none is named.
pub(crate) fn without(name: Option<&str>, cache: CacheBuilder) -> CacheBuilder {
    match CONTROLS.iter().find(|control| Some(control.name) == name) {
        Some(control) => (control.weaken)(cache),
        None => cache,
    }
}

/// What a write of the rows in mode `strict` really waits for.
pub(crate) fn strict_mode(name: Option<&str>) -> Mode {
    if name == Some(STRICT_WAIT) { Mode::Safe } else { Mode::Strict }
}
