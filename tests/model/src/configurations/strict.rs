//! Mode strict: T3.

use super::{STRICT, WIDE, invalidates};
use crate::configuration::{Configuration, Faults, NONE, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration { name: "strict", about: "a strict write elsewhere", size: Size::Large, ..STRICT },
    Configuration {
        name: "strict-invalidate",
        about: "a group is invalidated strictly elsewhere",
        writers: &[invalidates(1, WIDE)],
        ..STRICT
    },
    Configuration { name: "strict-long-lease", about: "a lease of two ticks", size: Size::Large, lease: 2, ..STRICT },
    Configuration {
        name: "strict-evict",
        about: "a generation, a lock or the entry is evicted",
        size: Size::Large,
        faults: Faults { evictions: 1, ..NONE },
        ..STRICT
    },
    Configuration {
        name: "strict-early-expiry",
        about: "the lock expires before the commit",
        size: Size::Large,
        faults: Faults { early_expiries: 1, ..NONE },
        ..STRICT
    },
    Configuration {
        name: "strict-timeouts",
        about: "LOCK and RELEASE time out, applied or not",
        size: Size::Large,
        faults: Faults { timeouts: 2, ..NONE },
        ..STRICT
    },
    Configuration {
        name: "strict-crash",
        about: "the writer dies: local hits reflect its commit once a lock's lifetime has passed",
        size: Size::Large,
        faults: Faults { crashes: 1, ..NONE },
        ..STRICT
    },
    Configuration {
        name: "strict-silence",
        about: "the bus falls silent, unnoticed",
        size: Size::Large,
        faults: Faults { silences: 1, ..NONE },
        ..STRICT
    },
    Configuration {
        name: "strict-disconnect",
        about: "the connection is lost",
        size: Size::Large,
        faults: Faults { disconnects: 1, ..NONE },
        ..STRICT
    },
    Configuration {
        name: "strict-failover",
        about: "a lagging replica takes over",
        size: Size::Large,
        faults: Faults { failovers: 1, ..NONE },
        ..STRICT
    },
    Configuration {
        name: "strict-outage",
        about: "Redis is unreachable for all instances: the write still waits",
        size: Size::Large,
        faults: Faults { outages: 1, ..NONE },
        ..STRICT
    },
];
