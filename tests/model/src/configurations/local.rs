//! The local tier, its bus and its lease: T2 and T4.

use super::{BOTH, DEGRADED, LOCAL, OWN, OWN_WRITES, WIDE, invalidates, writes};
use crate::configuration::{Configuration, Counted, Faults, NONE, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration { name: "local", about: "the bus, the heartbeats and the clock, one write elsewhere", ..LOCAL },
    Configuration {
        name: "local-both-scopes",
        about: "messages of two scopes",
        size: Size::Large,
        writers: &[writes(1, BOTH)],
        ..LOCAL
    },
    Configuration {
        name: "local-invalidate",
        about: "a group is invalidated elsewhere",
        writers: &[invalidates(1, WIDE)],
        ..LOCAL
    },
    Configuration {
        name: "local-crash",
        about: "the writer's process dies",
        size: Size::Large,
        faults: Faults { crashes: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "local-unknown",
        about: "a write of unknown outcome",
        size: Size::Large,
        faults: Faults { unknowns: 1, ..NONE },
        ..LOCAL
    },
    Configuration { name: "own-writes", about: "an instance reads its own write at once", ..OWN_WRITES },
    Configuration {
        name: "own-writes-invalidate",
        about: "an instance reads after its explicit invalidation, though Redis did not answer",
        writers: &[invalidates(0, WIDE)],
        faults: Faults { timeouts: 1, ..NONE },
        ..OWN_WRITES
    },
    Configuration {
        name: "own-writes-two",
        about: "two readers of the instance, and one elsewhere",
        size: Size::Large,
        readers: &[0, 0, 1],
        ..OWN_WRITES
    },
    Configuration {
        name: "single-instance",
        about: "no shared tier at all: local hits are as good as the store",
        instances: 1,
        shared: false,
        readers: &[0, 0],
        writers: &[writes(0, OWN), writes(0, WIDE)],
        ..OWN_WRITES
    },
    Configuration {
        name: "single-instance-unknown",
        about: "the only instance repeats its advance when the store can no longer commit",
        instances: 1,
        shared: false,
        readers: &[0, 0],
        faults: Faults { unknowns: 1, ..NONE },
        ..OWN_WRITES
    },
    Configuration { name: "local-long-lease", about: "a lease of two ticks", size: Size::Large, lease: 2, ..LOCAL },
    Configuration {
        name: "local-silence",
        about: "the bus falls silent, unnoticed",
        size: Size::Large,
        faults: Faults { silences: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "local-disconnect",
        about: "the connection is lost",
        size: Size::Large,
        faults: Faults { disconnects: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "local-evict",
        about: "a generation, a lock or the entry is evicted",
        size: Size::Large,
        faults: Faults { evictions: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "local-early-expiry",
        about: "the lock expires before the commit",
        size: Size::Large,
        faults: Faults { early_expiries: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "local-flush",
        about: "FLUSHALL",
        size: Size::Large,
        faults: Faults { flushes: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "local-failover",
        about: "a lagging replica takes over, and instances may or may not have noticed",
        size: Size::Large,
        faults: Faults { failovers: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "local-two-readers",
        about: "two readers of one instance share its flights and its local tier",
        size: Size::Large,
        readers: &[0, 0],
        ..LOCAL
    },
    Configuration {
        name: "local-three-instances",
        about: "two readers elsewhere, each with a bus of its own",
        size: Size::Large,
        instances: 3,
        readers: &[0, 1],
        writers: &[invalidates(2, WIDE)],
        ..LOCAL
    },
    Configuration {
        name: "local-write-and-invalidate",
        about: "a write and a group invalidation elsewhere",
        size: Size::Large,
        writers: &[writes(1, OWN), invalidates(1, WIDE)],
        ..LOCAL
    },
    Configuration {
        name: "own-writes-disconnect",
        about: "an instance reads its own write though its connection is lost, twice",
        faults: Faults { disconnects: 2, ..NONE },
        ..OWN_WRITES
    },
    Configuration {
        name: "own-writes-evict",
        about: "and though its lock is evicted",
        faults: Faults { evictions: 1, ..NONE },
        ..OWN_WRITES
    },
    Configuration {
        name: "own-writes-evict-timeout",
        about: "and though Redis does not receive the release",
        faults: Faults { evictions: 1, timeouts: 1, ..NONE },
        ..OWN_WRITES
    },
    Configuration {
        name: "own-writes-timeouts",
        about: "and though no command is answered, and the journal is delivered in between",
        faults: Faults { timeouts: 2, ..NONE },
        ..OWN_WRITES
    },
    Configuration {
        name: "own-writes-early-expiry",
        about: "and though its lock expires before the commit",
        faults: Faults { early_expiries: 1, ..NONE },
        ..OWN_WRITES
    },
    Configuration {
        name: "own-writes-lease",
        about: "and though its lease lapses",
        size: Size::Large,
        readers: &[1],
        ..LOCAL
    },
    Configuration {
        name: "own-writes-two-instances",
        about: "and though another instance fills an old value",
        size: Size::Large,
        readers: &[0, 1],
        faults: Faults { evictions: 1, timeouts: 1, ..NONE },
        ..OWN_WRITES
    },
    Configuration {
        name: "join",
        about: "a store joins while its cache is connected",
        size: Size::Large,
        joins: true,
        ..LOCAL
    },
    Configuration {
        name: "join-invalidate",
        about: "and a group is invalidated elsewhere",
        joins: true,
        writers: &[invalidates(1, WIDE)],
        ..LOCAL
    },
    Configuration {
        name: "join-disconnect",
        about: "and the connection is lost",
        size: Size::Large,
        joins: true,
        writers: &[invalidates(1, WIDE)],
        faults: Faults { disconnects: 1, ..NONE },
        ..LOCAL
    },
    Configuration {
        name: "join-degraded",
        about: "degraded reads until the new namespace is subscribed to",
        size: Size::Large,
        joins: true,
        ..DEGRADED
    },
    Configuration {
        name: "join-write",
        about: "the first write of a joining store places its lock at once: others read it from its acknowledgement on",
        joins: true,
        readers: &[1],
        counted: Counted::Acknowledged,
        ..OWN_WRITES
    },
    Configuration {
        name: "join-write-local",
        about: "the first write of a joining store, read from local tiers on both instances",
        size: Size::Large,
        joins: true,
        readers: &[1],
        writers: &[writes(0, OWN)],
        ..LOCAL
    },
];
