//! The shared tier and the store: T1.

use super::{BOTH, OWN, SHARED, WIDE, invalidates, writes};
use crate::configuration::{Configuration, Faults, NONE, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "shared-two-writers",
        about: "slow fills against two writers of one scope",
        writers: &[writes(0, OWN), writes(1, OWN)],
        ..SHARED
    },
    Configuration {
        name: "shared-crash",
        about: "a writer dies at any step",
        faults: Faults { crashes: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-evict",
        about: "generations, locks and the entry are evicted, twice",
        faults: Faults { evictions: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-flush",
        about: "FLUSHALL at any step",
        faults: Faults { flushes: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-early-expiry",
        about: "the lock expires before the commit, and the writer survives",
        faults: Faults { early_expiries: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-unknown",
        about: "the caller is dropped, and the store commits later or never",
        faults: Faults { unknowns: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-both-scopes",
        about: "locks and releases of two scopes are steps of their own",
        writers: &[writes(0, BOTH)],
        ..SHARED
    },
    Configuration {
        name: "shared-both-scopes-crash",
        about: "a writer of two scopes dies between any two of them",
        writers: &[writes(0, BOTH)],
        faults: Faults { crashes: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-both-scopes-evict",
        about: "one of two locks is evicted",
        writers: &[writes(0, BOTH)],
        faults: Faults { evictions: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-own-and-wide",
        about: "one writer of each scope",
        writers: &[writes(0, OWN), writes(1, WIDE)],
        ..SHARED
    },
    Configuration {
        name: "shared-invalidate",
        about: "a group is invalidated while its entry is written",
        writers: &[invalidates(0, WIDE), writes(1, OWN)],
        ..SHARED
    },
    Configuration {
        name: "shared-invalidate-evict",
        about: "a group is invalidated while its generation is evicted",
        writers: &[invalidates(0, WIDE)],
        faults: Faults { evictions: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-failover",
        about: "a lagging replica takes over at any step",
        size: Size::Large,
        faults: Faults { failovers: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-disconnect",
        about: "connections are lost at any step, twice",
        faults: Faults { disconnects: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-two-crash",
        about: "one of two writers dies",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(1, OWN)],
        faults: Faults { crashes: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-two-evict",
        about: "two writers and an eviction",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(1, OWN)],
        faults: Faults { evictions: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-two-early",
        about: "two writers and a lock that expires early",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(1, OWN)],
        faults: Faults { early_expiries: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-two-unknown",
        about: "two writers, and one of unknown outcome",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(1, OWN)],
        faults: Faults { unknowns: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-two-flush",
        about: "two writers and FLUSHALL",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(1, OWN)],
        faults: Faults { flushes: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-own-and-both",
        about: "a writer of one scope against one of both",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(1, BOTH)],
        faults: Faults { crashes: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "shared-three-writers",
        about: "three writers of one scope",
        size: Size::Large,
        instances: 3,
        writers: &[writes(0, OWN), writes(1, OWN), writes(2, OWN)],
        ..SHARED
    },
    Configuration {
        name: "shared-three-readers",
        about: "three slow fills against two writers",
        size: Size::Large,
        instances: 3,
        readers: &[0, 1, 2],
        writers: &[writes(0, OWN), writes(1, OWN)],
        ..SHARED
    },
    Configuration {
        name: "shared-failover-two",
        about: "two writers and a failover",
        size: Size::Large,
        writers: &[writes(0, OWN), writes(1, OWN)],
        faults: Faults { failovers: 1, ..NONE },
        ..SHARED
    },
];
