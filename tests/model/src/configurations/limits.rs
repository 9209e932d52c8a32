//! The documented limits of the promises.

use super::{FAST, OWN, PUNCTUAL, SHARED, STRICT, by_result};
use crate::configuration::{Configuration, Counted, Expected, Faults, NONE, Promise};
use Expected::Refuted;

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "limit-early-expiry-crash",
        about: "two faults: the lock expires early, and its writer dies after the commit",
        faults: Faults { early_expiries: 1, crashes: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "its locks expire while it is at work",
                "GETINIT",
                "reads v0 from the store",
                "commits v1",
                "its process dies",
                "shared hit v0",
            ],
        ),
        ..SHARED
    },
    Configuration {
        name: "limit-evict-crash",
        about: "two faults: the lock is evicted, and its writer dies after the commit",
        faults: Faults { evictions: 1, crashes: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "LOCK",
                "Redis evicts the generation or lock",
                "GETINIT",
                "reads v0 from the store",
                "commits v1",
                "its process dies",
                "shared hit v0",
            ],
        ),
        ..SHARED
    },
    Configuration {
        name: "limit-failback",
        about: "two failovers: the first server takes over again, with its earlier run id",
        faults: Faults { failovers: 1, failbacks: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["v1 is acknowledged", "Redis fails over", "Redis fails back", "shared hit v0"],
        ),
        ..SHARED
    },
    Configuration {
        name: "limit-cut-off",
        about: "only the writer cannot reach Redis, until the delivery of its journal",
        counted: Counted::Acknowledged,
        faults: Faults { timeouts: 2, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["LOCK times out, not applied", "RELEASE times out, not applied", "shared hit v0"],
        ),
        ..SHARED
    },
    Configuration {
        name: "limit-strict-cut-off",
        about: "the same for local hits in mode strict: its heartbeats were late",
        counted: Counted::Acknowledged,
        expected: Refuted(
            Promise::Strict,
            &[
                "kept locally",
                "the journal records",
                "v1 is acknowledged",
                "its heartbeat has returned",
                "local hit -> v0",
            ],
        ),
        ..STRICT
    },
    Configuration {
        name: "limit-fast-evict",
        about: "mode fast: the lock is evicted, and an old value is read until the release",
        faults: Faults { evictions: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["Redis evicts the generation or lock", "SET v0", "commits v1", "v1 is acknowledged", "shared hit v0"],
        ),
        ..FAST
    },
    Configuration {
        name: "limit-isolated",
        about: "the writer alone cannot reach Redis for longer than a lease, until it reconnects",
        faults: Faults { isolations: 1, ..NONE },
        expected: Refuted(Promise::Shared, &["it alone cannot reach Redis", "v1 is acknowledged", "shared hit v0"]),
        warm: true,
        ..PUNCTUAL
    },
    Configuration {
        name: "limit-deadline",
        about: "after an outage a member stays away for longer than the others wait",
        deadline: true,
        expected: Refuted(
            Promise::Shared,
            &["v1 is acknowledged", "stops waiting for the missing members", "its barrier ends", "shared hit v0"],
        ),
        warm: true,
        ..PUNCTUAL
    },
    Configuration {
        name: "limit-pending-evict-crash",
        about: "two faults: the set of pending writers is evicted, and a pending writer dies after the commit",
        writers: &[by_result(0, OWN)],
        faults: Faults { evictions: 2, crashes: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["REGISTER", "Redis evicts the set of pending writers", "its process dies"],
        ),
        ..SHARED
    },
];
