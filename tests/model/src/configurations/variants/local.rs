//! Variants of the local tier: T2 and T4.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Faults, NONE, Promise, Variant};
use crate::configurations::{LOCAL, OWN_WRITES};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-sent-time",
        about: "R5: a heartbeat counts from its return",
        variant: Variant::ArrivalLease,
        expected: Refuted(
            Promise::Local,
            &["kept locally", "sends a heartbeat", "the clock moves on", "its heartbeat has returned", "local hit"],
        ),
        ..LOCAL
    },
    Configuration {
        name: "without-sequence-check",
        about: "R2: a fill of the local tier skips the sequence check",
        variant: Variant::NoSequenceCheck,
        expected: Refuted(
            Promise::Local,
            &["reads v0 from the store", "v1 is acknowledged", "receives the messages", "kept locally", "local hit"],
        ),
        ..LOCAL
    },
    Configuration {
        name: "without-one-step",
        about: "R2: a fill of the local tier checks in one step and inserts in another",
        variant: Variant::InsertAfterCheck,
        expected: Refuted(
            Promise::Local,
            &["reads v0 from the store", "v1 is acknowledged", "receives the messages", "kept locally", "local hit"],
        ),
        ..LOCAL
    },
    Configuration {
        name: "without-own-advance",
        about: "R7: a writer does not invalidate its own local tier",
        variant: Variant::NoLocalAdvance,
        expected: Refuted(Promise::OwnWrites, &["kept locally", "v1 is acknowledged", "local hit"]),
        ..OWN_WRITES
    },
    Configuration {
        name: "without-last-advance",
        about: "R7: a writer does not advance again before its acknowledgement",
        variant: Variant::NoLastAdvance,
        faults: Faults { evictions: 1, ..NONE },
        expected: Refuted(
            Promise::OwnWrites,
            &[
                "Redis evicts the generation or lock",
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
        about: "R5: local entries outlive the connection of their messages",
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
