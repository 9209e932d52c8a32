//! The definitions of all metrics.
//!
//! `docs/metrics.md` has the same table for readers, and a test compares both with what a recorder receives.

/// The name, unit and meaning of a metric.
#[derive(Debug)]
#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "without the facade nobody is told"))]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The unit in the spelling of the facade.
    pub(crate) unit: &'static str,
    pub(crate) meaning: &'static str,
}

/// The kind of a metric.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A value that only increases.
    Counter,
    /// A current value.
    Gauge,
    /// A distribution of values.
    Histogram,
}

macro_rules! definitions {
    ($($name:ident = $kind:ident $text:literal in $unit:literal: $meaning:literal;)*) => {
        $(pub(crate) const $name: Definition =
            Definition { name: $text, kind: Kind::$kind, unit: $unit, meaning: $meaning };)*
        #[cfg(feature = "metrics")]
        pub(crate) const ALL: &[Definition] = &[$($name),*];
    };
}

definitions! {
    OPERATIONS = Counter "cache.operations.total" in "count": "What the cache did, by store and method";
    DURATION = Histogram "cache.operation.duration" in "seconds": "How long a call beyond the local tier took";
    ERRORS = Counter "cache.errors.total" in "count": "Errors of the shared tier and of what it holds; no caller saw one";
    SHARED_BYTES = Counter "cache.shared.bytes.total" in "bytes": "Bytes of entries exchanged with the shared tier";
    LOCAL_ENTRIES = Gauge "cache.local.entries" in "count": "Entries in the local tier";
    LOCAL_WEIGHT = Gauge "cache.local.weight" in "bytes": "Weight of the entries in a local tier that is bounded by bytes";
    IN_FLIGHT = Gauge "cache.in_flight" in "count": "Keys that are being looked up";
    BUS_INVALIDATIONS = Counter "cache.bus.invalidations.total" in "count": "Invalidations received over the bus";
    BUS_LAG = Gauge "cache.bus.lag" in "seconds": "How long the last heartbeat over the bus took, there and back";
    BUS_UP = Gauge "cache.bus.up" in "count": "1 while the shared tier may be used and its messages are received, else 0";
    BREAKER_OPEN = Gauge "cache.breaker.open" in "count": "1 while the circuit breaker is open, else 0";
    JOURNAL = Gauge "cache.journal.scopes" in "count": "Pending invalidations; 10001 after the journal overflowed";
    CHECKS = Counter "cache.verifier.checks.total" in "count": "Hits that were checked against the store, by result";
    STALENESS_FOUND = Histogram "cache.verifier.staleness" in "seconds": "How long a stale hit was still answered";
    STALENESS = Gauge "cache.staleness.bound" in "seconds": "How old a local answer can be at this moment, at most";
}
