//! Writes whose scopes are known only from their result.

use super::{LOCAL, OWN, SHARED, WIDE, by_result, writes};
use crate::configuration::{Configuration, Faults, NONE, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration { name: "pending", about: "entries stay hits, and the release names the scope", ..PENDING },
    Configuration {
        name: "pending-crash",
        about: "the process dies at any step",
        faults: Faults { crashes: 1, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-unknown",
        about: "the caller is dropped at any step",
        faults: Faults { unknowns: 1, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-unknown-timeout",
        about: "the caller is dropped at any step, and the registration times out",
        faults: Faults { unknowns: 1, timeouts: 1, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-evict",
        about: "the generations or the set are evicted, twice",
        size: Size::Large,
        faults: Faults { evictions: 2, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-evict-crash",
        about: "the generation is evicted, and the process dies: the set carries the registration over",
        size: Size::Large,
        faults: Faults { evictions: 1, crashes: 1, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-timeouts",
        about: "commands time out, applied or not",
        faults: Faults { timeouts: 2, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-flush",
        about: "FLUSHALL at any step",
        size: Size::Large,
        faults: Faults { flushes: 1, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-disconnect",
        about: "connections are lost at any step",
        size: Size::Large,
        faults: Faults { disconnects: 1, unknowns: 1, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-early-expiry",
        about: "the registration expires before the writer has finished",
        faults: Faults { early_expiries: 1, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-two",
        about: "two pending writers, one of which dies: each renewal carries the other over",
        size: Size::Large,
        writers: &[by_result(0, OWN), by_result(1, OWN)],
        faults: Faults { crashes: 1, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-and-wide",
        about: "a pending writer dies while another write locks the whole method",
        size: Size::Large,
        writers: &[by_result(0, OWN), writes(1, WIDE)],
        faults: Faults { crashes: 1, ..NONE },
        ..PENDING
    },
    Configuration {
        name: "pending-local",
        about: "local hits elsewhere",
        size: Size::Large,
        writers: &[by_result(1, OWN)],
        ..LOCAL
    },
    Configuration {
        name: "pending-local-crash",
        about: "local hits elsewhere, and the process dies",
        size: Size::Large,
        writers: &[by_result(1, OWN)],
        faults: Faults { crashes: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "pending-local-unknown",
        about: "local hits elsewhere, and the caller is dropped",
        size: Size::Large,
        writers: &[by_result(1, OWN)],
        faults: Faults { unknowns: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "pending-local-disconnect",
        about: "local hits elsewhere, the process dies, and a connection is lost",
        size: Size::Large,
        writers: &[by_result(1, OWN)],
        faults: Faults { crashes: 1, disconnects: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "pending-own",
        about: "local hits on the writer's own instance",
        size: Size::Large,
        writers: &[by_result(0, OWN)],
        faults: Faults { unknowns: 1, ..NONE },
        ..LOCAL
    },
];

/// Two readers and a registering writer, on two instances without local tiers.
const PENDING: Configuration = Configuration { writers: &[by_result(0, OWN)], ..SHARED };
