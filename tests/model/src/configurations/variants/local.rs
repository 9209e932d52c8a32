//! Variants of the local tier: T2 and T4.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Faults, NONE, Promise, Variant};
use crate::configurations::{LOCAL, OWN_WRITES};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-sent-time",
        about: "R5: a beat counts from its return",
        variant: Variant::ArrivalLease,
        expected: Refuted(
            Promise::Local,
            &["kept locally", "sends a beat", "the clock moves on", "its beat is back", "local hit"],
        ),
        ..LOCAL
    },
    Configuration {
        name: "without-sequence-check",
        about: "R2: a fill of the local tier does not look whether it was overtaken",
        variant: Variant::NoSequenceCheck,
        expected: Refuted(
            Promise::Local,
            &["reads v0 from the store", "v1 is acknowledged", "hears the news", "kept locally", "local hit"],
        ),
        ..LOCAL
    },
    Configuration {
        name: "without-own-advance",
        about: "R7: a writer leaves its own local tier alone",
        variant: Variant::NoLocalAdvance,
        expected: Refuted(Promise::OwnWrites, &["kept locally", "v1 is acknowledged", "local hit"]),
        ..OWN_WRITES
    },
    Configuration {
        name: "without-last-advance",
        about: "R7: a writer does not advance once more before it is acknowledged",
        variant: Variant::NoLastAdvance,
        faults: Faults { evictions: 1, ..NONE },
        expected: Refuted(
            Promise::OwnWrites,
            &[
                "Redis evicts the token or lock",
                "reads v0 from the store",
                "SET v0",
                "finishes",
                "kept locally",
                "v1 is acknowledged",
                "local hit",
            ],
        ),
        ..OWN_WRITES
    },
    Configuration {
        name: "without-flush",
        about: "R5: what is local outlives the connection that it was heard of on",
        variant: Variant::NoFlush,
        faults: Faults { disconnects: 1, ..NONE },
        expected: Refuted(
            Promise::Local,
            &["kept locally", "v1 is acknowledged", "its connection is lost", "connects", "local hit"],
        ),
        ..LOCAL
    },
    Configuration {
        name: "without-distrust",
        about: "a store joins while its cache is connected, and the local tier is trusted as before",
        variant: Variant::TrustingJoin,
        joins: true,
        expected: Refuted(Promise::Local, &["a store joins", "kept locally", "v1 is acknowledged", "local hit -> v0"]),
        ..LOCAL
    },
];
