//! Mode fast: T1 while the lock lives or from the release on; T4 always.

use super::{BOTH, FAST, LOCAL, OWN, OWN_WRITES, writes};
use crate::configuration::{Configuration, Counted, Faults, Mode, NONE, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration { name: "fast", about: "the lock keeps the promise until the release", ..FAST },
    Configuration {
        name: "fast-both-scopes",
        about: "the releases of two scopes, after the acknowledgement",
        writers: &[writes(0, BOTH)],
        ..FAST
    },
    Configuration {
        name: "fast-crash",
        about: "the writer dies at any step, after its acknowledgement too",
        faults: Faults { crashes: 1, ..NONE },
        ..FAST
    },
    Configuration {
        name: "fast-disconnect",
        about: "the connection is lost at any step",
        faults: Faults { disconnects: 1, ..NONE },
        ..FAST
    },
    Configuration {
        name: "fast-timeouts",
        about: "LOCK and RELEASE time out, applied or not",
        faults: Faults { timeouts: 2, ..NONE },
        ..FAST
    },
    Configuration {
        name: "fast-two-writers",
        about: "two fast writers",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(1, OWN)],
        ..FAST
    },
    Configuration {
        name: "fast-evict",
        about: "a lost lock: the write counts from its release",
        counted: Counted::Released,
        faults: Faults { evictions: 1, ..NONE },
        ..FAST
    },
    Configuration {
        name: "fast-evict-timeout",
        about: "or from the delivery of the journal",
        size: Size::Large,
        counted: Counted::Released,
        faults: Faults { evictions: 1, timeouts: 1, ..NONE },
        ..FAST
    },
    Configuration { name: "fast-local", about: "local hits elsewhere", size: Size::Large, mode: Mode::Fast, ..LOCAL },
    Configuration {
        name: "fast-local-early-expiry",
        about: "local hits elsewhere, and a lock that expires early",
        size: Size::Large,
        mode: Mode::Fast,
        counted: Counted::Released,
        faults: Faults { early_expiries: 1, ..NONE },
        ..LOCAL
    },
    Configuration { name: "fast-own-writes", about: "own writes are read at once", ..OWN_FAST },
    Configuration {
        name: "fast-own-writes-evict",
        about: "and though the lock is evicted",
        faults: Faults { evictions: 1, ..NONE },
        ..OWN_FAST
    },
    Configuration {
        name: "fast-own-writes-evict-timeout",
        about: "and though Redis does not receive the release",
        faults: Faults { evictions: 1, timeouts: 1, ..NONE },
        ..OWN_FAST
    },
    Configuration {
        name: "fast-own-writes-disconnect",
        about: "and though the connection is lost",
        faults: Faults { evictions: 1, disconnects: 1, ..NONE },
        ..OWN_FAST
    },
    Configuration {
        name: "fast-own-writes-overflow",
        about: "and though the journal has no room",
        journal: 1,
        writers: &[writes(0, BOTH)],
        faults: Faults { evictions: 1, ..NONE },
        ..OWN_FAST
    },
    Configuration {
        name: "fast-own-writes-two-instances",
        about: "and though another instance fills an old value",
        size: Size::Large,
        readers: &[0, 1],
        faults: Faults { evictions: 1, ..NONE },
        ..OWN_FAST
    },
    Configuration {
        name: "fast-one-journal",
        about: "two fast writers of one instance, and its one journal",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(0, OWN)],
        faults: Faults { evictions: 1, ..NONE },
        ..OWN_FAST
    },
];

/// Even without its lock, an own write is read from its acknowledgement on.
const OWN_FAST: Configuration = Configuration { mode: Mode::Fast, counted: Counted::Released, ..OWN_WRITES };
