//! Variants of the shared tier: T1.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Faults, NONE, Promise, Variant};
use crate::configurations::{BOTH, LOCAL, OWN, OWN_WRITES, SHARED, invalidates, writes};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-fence",
        about: "R1: an entry's fence has the generations from the time of its fill",
        variant: Variant::NoFence,
        expected: Refuted(
            Promise::Shared,
            &["reads v0 from the store", "v1 is acknowledged", "SET v0", "shared hit v0"],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-lock-set",
        about: "R10: all writers share one lock token",
        variant: Variant::OneToken,
        writers: &[writes(0, OWN), writes(1, OWN)],
        faults: Faults { crashes: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "writer 2: LOCK",
                "writer 1: RELEASE",
                "reads v1 from the store",
                "commits v2",
                "its process dies",
                "shared hit v1",
            ],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-early-epoch",
        about: "R22: an entry's fence has the epoch from the time of its fill",
        variant: Variant::LateEpoch,
        faults: Faults { failovers: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["reads v0 from the store", "v1 is acknowledged", "fails over", "SET v0", "shared hit v0"],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-epoch",
        about: "R22: the fence lacks the epoch",
        variant: Variant::NoEpoch,
        faults: Faults { failovers: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["reads v0 from the store", "v1 is acknowledged", "fails over", "shared hit v0"],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-unique-tokens",
        about: "R21: a counter that restarts instead of a random generation",
        variant: Variant::Counter,
        writers: &[invalidates(0, OWN)],
        faults: Faults { evictions: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["SET v0", "commits v1", "Redis evicts the generation or lock", "v1 is acknowledged", "shared hit v0"],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-patience",
        about: "R31: a write of unknown outcome is released",
        variant: Variant::ReleaseUnknown,
        faults: Faults { unknowns: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["the outcome is unknown", "reads v0 from the store", "SET v0", "commits v1", "shared hit v0"],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-journal",
        about: "R4: undelivered invalidations are not journaled",
        variant: Variant::NoJournal,
        faults: Faults { timeouts: 2, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["SET v0", "LOCK times out, not applied", "RELEASE times out, not applied", "shared hit v0"],
        ),
        ..OWN_WRITES
    },
    Configuration {
        name: "without-own-epoch",
        about: "R4: an overflowed journal counts as delivered before its instance has received the new epoch",
        variant: Variant::DeliveredUnreceived,
        readers: &[0],
        journal: 1,
        writers: &[invalidates(0, BOTH)],
        faults: Faults { timeouts: 1, ..NONE },
        expected: Refuted(
            Promise::OwnWrites,
            &[
                "SET v0",
                "INVALIDATE times out",
                "SET of a new namespace epoch",
                "its journal is delivered",
                "shared hit v0",
            ],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-epoch-of-pause",
        about: "a namespace epoch received before the connection is used is dropped",
        variant: Variant::EpochOfFirstHeartbeat,
        instances: 1,
        readers: &[0],
        writers: &[invalidates(0, BOTH)],
        journal: 1,
        pauses: true,
        faults: Faults { disconnects: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["SET v0", "its connection is lost", "SET of a new namespace epoch", "uses both tiers", "shared hit v0"],
        ),
        ..LOCAL
    },
];
