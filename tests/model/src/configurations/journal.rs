//! Undelivered invalidations.

use super::{BOTH, LOCAL, OWN, SHARED, WIDE, invalidates, writes};
use crate::configuration::{Configuration, Faults, NONE, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "journal-timeouts",
        about: "LOCK and RELEASE time out, applied or not",
        faults: Faults { timeouts: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-both-scopes",
        about: "and so do those of two scopes, in the middle",
        size: Size::Large,
        writers: &[writes(0, BOTH)],
        faults: Faults { timeouts: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-invalidate",
        about: "the INVALIDATE of a group times out",
        writers: &[invalidates(0, WIDE)],
        faults: Faults { timeouts: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-unknown",
        about: "a write of unknown outcome whose locks were not placed",
        faults: Faults { timeouts: 1, unknowns: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-reconnect",
        about: "writes over lost connections, delivered after the reconnect",
        readers: &[0],
        faults: Faults { timeouts: 1, disconnects: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-overflow-reconnect",
        about: "more scopes than the journal has room for, while the connection is lost",
        writers: &[writes(0, BOTH)],
        readers: &[0],
        journal: 1,
        faults: Faults { disconnects: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-two-writers",
        about: "two writers, and one command that times out",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(1, OWN)],
        faults: Faults { timeouts: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-one-instance",
        about: "two writers of one instance and its one journal",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(0, OWN)],
        readers: &[0, 1],
        faults: Faults { timeouts: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-crash",
        about: "pending invalidations are lost with their process",
        size: Size::Large,
        faults: Faults { timeouts: 2, crashes: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-failover",
        about: "Redis fails over while invalidations are pending",
        size: Size::Large,
        faults: Faults { timeouts: 1, failovers: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-local",
        about: "a late delivery still ends local entries elsewhere",
        size: Size::Large,
        faults: Faults { timeouts: 2, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "journal-overflow",
        about: "more scopes than the journal has room for, while the connection is up",
        journal: 1,
        writers: &[writes(0, BOTH)],
        faults: Faults { timeouts: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-overflow-invalidate",
        about: "and a group",
        journal: 1,
        writers: &[invalidates(0, BOTH)],
        faults: Faults { timeouts: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-overflow-local",
        about: "and local entries elsewhere",
        size: Size::Large,
        journal: 1,
        writers: &[invalidates(1, BOTH)],
        faults: Faults { timeouts: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "journal-overflow-failover",
        about: "and a failover that reverts the new epoch",
        size: Size::Large,
        journal: 1,
        writers: &[invalidates(0, BOTH)],
        faults: Faults { timeouts: 1, failovers: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "journal-overflow-pause",
        about: "and the new epoch is received before the connection is used",
        instances: 1,
        readers: &[0],
        writers: &[invalidates(0, BOTH)],
        journal: 1,
        pauses: true,
        faults: Faults { disconnects: 1, ..NONE },
        ..LOCAL
    },
];
