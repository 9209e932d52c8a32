//! Degraded reads: values kept while the shared tier is unreachable.

use super::{DEGRADED, OWN, OWN_WRITES, WIDE, invalidates, writes};
use crate::configuration::{Configuration, Faults, Mode, NONE, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "degraded",
        about: "the lease lapses, and heartbeats are late",
        size: Size::Large,
        ..DEGRADED
    },
    Configuration {
        name: "degraded-invalidate",
        about: "a group is invalidated elsewhere",
        writers: &[invalidates(1, WIDE)],
        ..DEGRADED
    },
    Configuration {
        name: "degraded-long",
        about: "D is longer than the lease",
        size: Size::Large,
        degraded: 2,
        ..DEGRADED
    },
    Configuration {
        name: "degraded-disconnect",
        about: "the connection is lost: degraded entries end with the next one",
        size: Size::Large,
        faults: Faults { disconnects: 1, ..NONE },
        ..DEGRADED
    },
    Configuration {
        name: "degraded-outage",
        about: "Redis is unreachable for all instances",
        size: Size::Large,
        faults: Faults { outages: 1, ..NONE },
        ..DEGRADED
    },
    Configuration {
        name: "degraded-crash",
        about: "the writer's process dies",
        size: Size::Large,
        faults: Faults { crashes: 1, ..NONE },
        ..DEGRADED
    },
    Configuration {
        name: "degraded-own-writes",
        about: "own writes are read at once, though the connection is lost, twice",
        faults: Faults { disconnects: 2, ..NONE },
        ..OWN_DEGRADED
    },
    Configuration {
        name: "degraded-own-writes-timeout",
        about: "and though a command is not answered",
        faults: Faults { disconnects: 1, timeouts: 1, ..NONE },
        ..OWN_DEGRADED
    },
    Configuration {
        name: "degraded-own-writes-two",
        about: "two writes of the instance",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(0, OWN)],
        faults: Faults { disconnects: 1, ..NONE },
        ..OWN_DEGRADED
    },
    Configuration {
        name: "degraded-own-writes-fast",
        about: "and in mode fast",
        mode: Mode::Fast,
        faults: Faults { disconnects: 1, timeouts: 1, ..NONE },
        ..OWN_DEGRADED
    },
];

/// Without a clock: D never ends.
const OWN_DEGRADED: Configuration = Configuration { degraded: 1, ..OWN_WRITES };
