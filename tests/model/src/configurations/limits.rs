//! Where the promise is lost, as the documents say.

use super::SHARED;
use crate::configuration::{Configuration, Expected, Faults, NONE, Promise};
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
                "INTENT",
                "Redis evicts the token or lock",
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
        about: "two fail-overs: the first server takes over again, with its run id of before",
        faults: Faults { failovers: 1, failbacks: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["v1 is acknowledged", "Redis fails over", "Redis fails back", "shared hit v0"],
        ),
        ..SHARED
    },
];
