//! Of the recovery barrier, of late acknowledgements, and of announcements without a lease.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Counted, Faults, Mode, NONE, Promise, Size, Variant};
use crate::configurations::{BARRIER_LOCAL, OWN, OWN_WRITES, PUNCTUAL, writes};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-barrier",
        about: "an instance that returns from an outage asks at once",
        variant: Variant::NoBarrier,
        expected: Refuted(
            Promise::Shared,
            &["out of everybody's reach", "v1 is acknowledged", "Redis is back", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-barrier-for-fills",
        about: "it distrusts only what was loaded before its return",
        variant: Variant::BarrierByLoadTime,
        expected: Refuted(
            Promise::Shared,
            &[
                "out of everybody's reach",
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
        about: "it waits only for members whose heartbeats are recent",
        variant: Variant::MembersForgotten,
        expected: Refuted(
            Promise::Shared,
            &["out of everybody's reach", "Redis is back", "its barrier ends", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-remembered-members",
        about: "it waits only for members that the hash names, and the hash is lost",
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
        about: "a recent heartbeat from before the return counts",
        variant: Variant::EarlierHeartbeat,
        expected: Refuted(
            Promise::Shared,
            &["out of everybody's reach", "Redis is back", "its barrier ends", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-pending-count",
        about: "nobody looks at the number of pending invalidations",
        variant: Variant::PendingIgnored,
        faults: Faults { outages: 1, timeouts: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["the journal remembers", "sends a beat", "v1 is acknowledged", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-pending-count-settled",
        about: "an instance that is settled does not look at it",
        variant: Variant::PendingIgnoredWhenSettled,
        faults: Faults { timeouts: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["BUMP times out, not applied", "sends a beat", "v1 is acknowledged", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-newcomer-barrier",
        about: "an instance that connects for the first time waits for nobody",
        variant: Variant::NewcomerTrusts,
        newcomer: true,
        expected: Refuted(Promise::Shared, &["Redis is back", "its barrier ends", "shared hit v0"]),
        ..WARM
    },
    Configuration {
        name: "without-newcomer-patience",
        about: "it waits only for members that the hash names, and the hash is lost",
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
        about: "T3: the barrier ends before the bus has brought what a member told on its return",
        variant: Variant::NoSettlingFlush,
        size: Size::Large,
        mode: Mode::Strict,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Strict,
            &[
                "Redis answers nothing",
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
        about: "a lease that lapses on a connection that stays needs no barrier",
        variant: Variant::LapseTrusted,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "Redis answers nothing",
                "v1 is acknowledged",
                "Redis answers again",
                "instance 1: sends a beat",
                "shared hit v0",
            ],
        ),
        ..WARM
    },
    Configuration {
        name: "without-heartbeat-age",
        about: "a heartbeat that Redis executes late counts with what was pending when it was sent",
        variant: Variant::LateHeartbeatCounts,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "Redis answers nothing",
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
        about: "T3: a silent member is back before the bus has brought what it told",
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
        about: "a write that Redis could not be told of is acknowledged at once",
        variant: Variant::NoLateAcknowledgement,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "Redis answers nothing",
                "the journal remembers",
                "v1 is acknowledged",
                "Redis answers again",
                "shared hit v0",
            ],
        ),
        ..WARM
    },
    Configuration {
        name: "without-failed-attempt",
        about: "it is acknowledged when a lease has passed, though Redis could be reached again",
        variant: Variant::AcknowledgedByClock,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["the journal remembers", "the clock moves on", "v1 is acknowledged", "shared hit v0"],
        ),
        ..WARM
    },
    Configuration {
        name: "without-wait-from-failure",
        about: "its wait counts from the begin of the write",
        variant: Variant::WaitFromBegin,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &[
                "the clock moves on",
                "Redis answers nothing",
                "the journal remembers",
                "v1 is acknowledged",
                "Redis answers again",
                "shared hit v0",
            ],
        ),
        ..WARM
    },
    Configuration {
        name: "without-second-lease",
        about: "T3: a strict write waits one lease when Redis could not be told",
        variant: Variant::StrictOneLease,
        mode: Mode::Strict,
        faults: Faults { isolations: 1, ..NONE },
        expected: Refuted(Promise::Strict, &["it alone cannot reach Redis", "v1 is acknowledged", "local hit -> v0"]),
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "without-third-lease",
        about: "T3: it waits two leases, and a heartbeat of its instance is executed late",
        size: Size::Large,
        variant: Variant::StrictTwoLeases,
        mode: Mode::Strict,
        faults: Faults { stalls: 1, ..NONE },
        expected: Refuted(
            Promise::Strict,
            &["Redis answers nothing", "its late heartbeat is executed", "v1 is acknowledged", "local hit -> v0"],
        ),
        ..BARRIER_LOCAL
    },
    Configuration {
        name: "without-telling-join",
        about: "the writes of a store that joins are announced only once its bus is subscribed",
        variant: Variant::TellNeedsLease,
        joins: true,
        readers: &[1],
        counted: Counted::Acknowledged,
        size: Size::Small,
        expected: Refuted(
            Promise::Shared,
            &["SET v0", "a store joins", "the journal remembers", "v1 is acknowledged", "shared hit v0"],
        ),
        writers: &[writes(0, OWN)],
        ..OWN_WRITES
    },
];

/// Both tiers hold the value from before: the traces are short.
const WARM: Configuration = Configuration { warm: true, ..PUNCTUAL };
