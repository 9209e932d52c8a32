//! Variants of degraded reads.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Faults, Mode, NONE, Promise, Variant};
use crate::configurations::{DEGRADED, OWN_WRITES};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-mark",
        about: "a degraded entry is a hit after a late heartbeat has returned",
        variant: Variant::NoMark,
        expected: Refuted(
            Promise::Local,
            &[
                "receives the messages",
                "the shared tier is out of reach",
                "kept for degraded reads",
                "commits v1",
                "its heartbeat has returned",
                "v1 is acknowledged",
                "local hit -> v0",
            ],
        ),
        ..DEGRADED
    },
    Configuration {
        name: "without-early-life",
        about: "D counts from the end of the load",
        variant: Variant::DegradedFromEnd,
        expected: Refuted(
            Promise::Degraded,
            &["reads v0 from the store", "v1 is acknowledged", "the clock moves on", "kept for degraded", "degraded"],
        ),
        ..DEGRADED
    },
    Configuration {
        name: "without-own-advance-degraded",
        about: "R7: a writer does not invalidate its own instance's degraded entries",
        variant: Variant::NoLocalAdvance,
        degraded: 1,
        faults: Faults { disconnects: 1, ..NONE },
        expected: Refuted(Promise::OwnWrites, &["kept for degraded reads", "v1 is acknowledged", "degraded"]),
        ..OWN_WRITES
    },
    Configuration {
        name: "without-flush-degraded",
        about: "a degraded entry outlives the outage",
        variant: Variant::NoFlush,
        faults: Faults { disconnects: 1, ..NONE },
        expected: Refuted(Promise::Degraded, &["kept for degraded reads", "connects", "degraded"]),
        ..DEGRADED
    },
    Configuration {
        name: "without-strict-exception",
        about: "T3: methods in mode strict have degraded reads too",
        variant: Variant::DegradedStrict,
        mode: Mode::Strict,
        degraded: 2,
        faults: Faults { outages: 1, ..NONE },
        expected: Refuted(Promise::Strict, &["kept for degraded reads", "v1 is acknowledged", "degraded"]),
        ..DEGRADED
    },
];
