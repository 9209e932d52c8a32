//! Variants of the recovery barrier, of late acknowledgements, and of write locks without a lease.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Counted, Faults, Mode, NONE, Promise, Size, Variant};
use crate::configurations::{BARRIER_LOCAL, OWN, OWN_WRITES, PUNCTUAL, writes};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-barrier",
        about: "an instance that reconnects after an outage reads at once",
        variant: Variant::NoBarrier,
        expected: Refuted(
            Promise::Shared,
            &["unreachable for all instances", "v1 is acknowledged", "Redis is back", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-barrier-for-fills",
        about: "an instance that reconnects discards only values loaded before",
        variant: Variant::BarrierByLoadTime,
        expected: Refuted(
            Promise::Shared,
            &[
                "unreachable for all instances",
                "Redis is back",
                "SET v0",
                "commits v1",
                "v1 is acknowledged",
                "shared hit v0",
            ],
        ),
        ..WARM
    },
    Configuration {
        name: "without-silent-members",
        about: "the barrier waits only for members with recent heartbeats",
        variant: Variant::MembersForgotten,
        expected: Refuted(
            Promise::Shared,
            &["unreachable for all instances", "Redis is back", "its barrier ends", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-remembered-members",
        about: "the barrier waits only for members in the hash, and the hash is lost",
        variant: Variant::MembersNotRemembered,
        faults: Faults { outages: 1, losses: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["Redis is back, without its data", "its barrier ends", "SET v0", "v1 is acknowledged", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-later-heartbeat",
        about: "a recent heartbeat from before the reconnect counts",
        variant: Variant::EarlierHeartbeat,
        expected: Refuted(
            Promise::Shared,
            &["unreachable for all instances", "Redis is back", "its barrier ends", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-pending-count",
        about: "instances ignore the number of pending invalidations",
        variant: Variant::PendingIgnored,
        faults: Faults { outages: 1, timeouts: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["the journal records", "sends a heartbeat", "v1 is acknowledged", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-pending-count-settled",
        about: "a settled instance ignores the number of pending invalidations",
        variant: Variant::PendingIgnoredWhenSettled,
        faults: Faults { timeouts: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["INVALIDATE times out, not applied", "sends a heartbeat", "v1 is acknowledged", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-newcomer-barrier",
        about: "an instance that connects for the first time does not wait",
        variant: Variant::NewcomerTrusts,
        newcomer: true,
        expected: Refuted(Promise::Shared, &["Redis is back", "its barrier ends", "shared hit v0"]),
        ..WARM
    },
    Configuration {
        name: "without-newcomer-patience",
        about: "a newcomer waits only for members in the hash, and the hash is lost",
        variant: Variant::NewcomerHurries,
        newcomer: true,
        faults: Faults { outages: 1, losses: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["Redis is back, without its data", "its barrier ends", "SET v0", "v1 is acknowledged", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-settling-flush",
        about: "T3: the barrier ends before the bus has delivered the messages of a returning member",
        variant: Variant::NoSettlingFlush,
        size: Size::Large,
        mode: Mode::Strict,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Strict,
            &[
                "Redis stops answering",
                "v1 is acknowledged",
                "Redis answers again",
                "its barrier ends",
                "local hit -> v0",
            ],
        ),
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "without-lapse-barrier",
        about: "a lease that lapses on an open connection does not cause a barrier",
        variant: Variant::LapseTrusted,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "Redis stops answering",
                "v1 is acknowledged",
                "Redis answers again",
                "instance 1: sends a heartbeat",
                "shared hit v0",
            ],
        ),
        ..WARM
    },
    Configuration {
        name: "without-heartbeat-age",
        about: "a heartbeat that Redis executes late counts with the pending number from when it was sent",
        variant: Variant::LateHeartbeatCounts,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "Redis stops answering",
                "a heartbeat that is not executed yet",
                "v1 is acknowledged",
                "Redis answers again",
                "its late heartbeat is executed",
                "its barrier ends",
                "shared hit v0",
            ],
        ),
        ..WARM
    },
    Configuration {
        name: "without-silence-flush",
        about: "T3: a silent member returns before the bus has delivered its messages",
        variant: Variant::NoFlushAfterSilence,
        mode: Mode::Strict,
        faults: Faults { isolations: 1, ..NONE },
        expected: Refuted(
            Promise::Strict,
            &["it alone cannot reach Redis", "v1 is acknowledged", "it can reach Redis again", "local hit -> v0"],
        ),
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "without-late-acknowledgement",
        about: "a write that is not delivered is acknowledged at once",
        variant: Variant::NoLateAcknowledgement,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "Redis stops answering",
                "the journal records",
                "v1 is acknowledged",
                "Redis answers again",
                "shared hit v0",
            ],
        ),
        ..WARM
    },
    Configuration {
        name: "without-failed-attempt",
        about: "a write that is not delivered is acknowledged after a lease, though Redis is reachable again",
        variant: Variant::AcknowledgedByClock,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["the journal records", "the clock moves on", "v1 is acknowledged", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-wait-from-failure",
        about: "the wait of a write that is not delivered counts from its start",
        variant: Variant::WaitFromBegin,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "the clock moves on",
                "Redis stops answering",
                "the journal records",
                "v1 is acknowledged",
                "Redis answers again",
                "shared hit v0",
            ],
        ),
        ..WARM
    },
    Configuration {
        name: "without-second-lease",
        about: "T3: a strict write that is not delivered waits one lease",
        variant: Variant::StrictOneLease,
        mode: Mode::Strict,
        faults: Faults { isolations: 1, ..NONE },
        expected: Refuted(Promise::Strict, &["it alone cannot reach Redis", "v1 is acknowledged", "local hit -> v0"]),
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "without-third-lease",
        about: "T3: a strict write waits two leases, and a heartbeat of its instance is executed late",
        size: Size::Large,
        variant: Variant::StrictTwoLeases,
        mode: Mode::Strict,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Strict,
            &["Redis stops answering", "its late heartbeat is executed", "v1 is acknowledged", "local hit -> v0"],
        ),
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "without-lock-while-joining",
        about: "a joining store places write locks only after the subscription to its bus",
        variant: Variant::LockNeedsLease,
        joins: true,
        readers: &[1],
        counted: Counted::Acknowledged,
        size: Size::Small,
        expected: Refuted(
            Promise::Shared,
            &["SET v0", "a store joins", "the journal records", "v1 is acknowledged", "shared hit v0"],
        ),
        writers: &[writes(0, OWN)],
        ..OWN_WRITES
    },
];

/// Both tiers hold the value at the start, which shortens the traces.
const WARM: Configuration = Configuration { warm: true, ..PUNCTUAL };
