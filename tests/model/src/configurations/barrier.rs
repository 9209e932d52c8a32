//! The recovery barrier and late acknowledgements: T1 through outages of all instances.

use super::{BARRIER, BARRIER_LOCAL, OWN, PUNCTUAL, invalidates, writes};
use crate::configuration::{Configuration, Faults, Mode, NONE, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration { name: "barrier-two", about: "an outage, a reader and a writer on two instances", ..BARRIER },
    Configuration {
        name: "barrier-three",
        about: "two writers elsewhere, all orders of reconnecting, writes between two reconnects",
        size: Size::Large,
        instances: 3,
        writers: &[invalidates(1, OWN), invalidates(2, OWN)],
        ..PUNCTUAL
    },
    Configuration {
        name: "barrier-three-writes",
        about: "two writers elsewhere, one of which locks",
        size: Size::Large,
        instances: 3,
        writers: &[writes(1, OWN), invalidates(2, OWN)],
        ..PUNCTUAL
    },
    Configuration {
        name: "barrier-both-write",
        about: "the reader's instance writes too",
        size: Size::Large,
        instances: 3,
        writers: &[invalidates(0, OWN), invalidates(1, OWN)],
        ..PUNCTUAL
    },
    Configuration {
        name: "barrier-loss",
        about: "Redis returns without its data",
        size: Size::Large,
        faults: Faults { outages: 1, losses: 1, ..NONE },
        ..BARRIER
    },
    Configuration {
        name: "barrier-loss-three",
        about: "Redis returns without its data, two writers",
        size: Size::Large,
        instances: 3,
        writers: &[invalidates(1, OWN), invalidates(2, OWN)],
        faults: Faults { outages: 1, losses: 1, ..NONE },
        ..PUNCTUAL
    },
    Configuration {
        name: "barrier-writes",
        about: "a write that locks, before, during and after the outage",
        size: Size::Large,
        writers: &[writes(1, OWN)],
        ..BARRIER
    },
    Configuration {
        name: "barrier-fast",
        about: "mode fast: acknowledged early only under a lock",
        size: Size::Large,
        mode: Mode::Fast,
        writers: &[writes(1, OWN)],
        ..BARRIER
    },
    Configuration {
        name: "barrier-stall",
        about: "Redis stops answering for a while, and connections stay open or are closed",
        size: Size::Large,
        faults: Faults { stalls: 1, ..NONE },
        ..BARRIER
    },
    Configuration {
        name: "barrier-stall-long-lease",
        about: "a lease of two ticks, which a stall may not outlast",
        size: Size::Large,
        lease: 2,
        faults: Faults { stalls: 1, ..NONE },
        ..BARRIER
    },
    Configuration {
        name: "barrier-disconnect",
        about: "one instance loses its connection, and then Redis is unreachable for all",
        size: Size::Large,
        faults: Faults { outages: 1, disconnects: 1, ..NONE },
        ..BARRIER
    },
    Configuration {
        name: "barrier-timeouts",
        about: "a command times out: settled members see the pending invalidation",
        size: Size::Large,
        lease: 2,
        faults: Faults { timeouts: 1, ..NONE },
        ..BARRIER
    },
    Configuration {
        name: "barrier-newcomer",
        about: "an instance connects for the first time, during or after an outage",
        size: Size::Large,
        newcomer: true,
        ..BARRIER
    },
    Configuration {
        name: "barrier-newcomer-loss",
        about: "an instance connects for the first time, and Redis has lost its data",
        size: Size::Large,
        newcomer: true,
        faults: Faults { outages: 1, losses: 1, ..NONE },
        ..BARRIER
    },
    Configuration {
        name: "barrier-newcomer-three",
        about: "an instance connects for the first time, beside a settled or unsettled one",
        size: Size::Large,
        instances: 3,
        newcomer: true,
        ..PUNCTUAL
    },
    Configuration {
        name: "barrier-newcomer-stall",
        about: "an instance connects for the first time, and heartbeats are executed late",
        size: Size::Large,
        newcomer: true,
        faults: Faults { stalls: 1, ..NONE },
        ..BARRIER
    },
    Configuration { name: "barrier-local", about: "local tiers: T2 through an outage", ..BARRIER_LOCAL },
    Configuration {
        name: "barrier-local-three",
        about: "local tiers, two writers elsewhere",
        size: Size::Large,
        instances: 3,
        writers: &[invalidates(1, OWN), invalidates(2, OWN)],
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "barrier-local-stall",
        about: "local tiers, a stall with open connections",
        size: Size::Large,
        faults: Faults { stalls: 1, ..NONE },
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "barrier-strict",
        about: "mode strict through an outage: T1 and T3 from the acknowledgement on",
        size: Size::Large,
        mode: Mode::Strict,
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "barrier-strict-stall",
        about: "mode strict, a stall with open connections",
        size: Size::Large,
        mode: Mode::Strict,
        faults: Faults { stalls: 1, ..NONE },
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "barrier-strict-isolated",
        about: "the writer alone cannot reach Redis: strict methods see its silence",
        size: Size::Large,
        mode: Mode::Strict,
        faults: Faults { isolations: 1, ..NONE },
        ..BARRIER_LOCAL
    },
];
