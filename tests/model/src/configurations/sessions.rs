//! Session tokens, observed on other instances.

use super::{DEGRADED, LOCAL, OWN, SESSION, WIDE, invalidates, writes};
use crate::configuration::{Configuration, Faults, Mode, NONE, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration { name: "session", about: "an instance that observes the token of a write reads it", ..SESSION },
    Configuration {
        name: "session-invalidate",
        about: "and the one of a group invalidation",
        writers: &[invalidates(1, WIDE)],
        ..SESSION
    },
    Configuration { name: "session-two-readers", about: "and joins no earlier flight", readers: &[0, 0], ..SESSION },
    Configuration {
        name: "session-two-writers",
        about: "tokens of two writes",
        writers: &[writes(1, OWN), invalidates(1, WIDE)],
        ..SESSION
    },
    Configuration { name: "session-fast", about: "before the release", mode: Mode::Fast, ..SESSION },
    Configuration {
        name: "session-evict",
        about: "though the lock is evicted",
        faults: Faults { evictions: 1, ..NONE },
        ..SESSION
    },
    Configuration {
        name: "session-timeouts",
        about: "though commands time out: from the delivery of the journal",
        faults: Faults { timeouts: 2, ..NONE },
        ..SESSION
    },
    Configuration {
        name: "session-disconnect",
        about: "though connections are lost",
        faults: Faults { disconnects: 1, ..NONE },
        ..SESSION
    },
    Configuration {
        name: "session-local",
        about: "old tokens are ignored",
        size: Size::Large,
        sessions: true,
        ..LOCAL
    },
    Configuration {
        name: "session-degraded",
        about: "degraded reads show the write as well",
        size: Size::Large,
        sessions: true,
        ..DEGRADED
    },
    Configuration {
        name: "session-degraded-long",
        about: "though D is longer than two leases",
        size: Size::Large,
        sessions: true,
        degraded: 3,
        ..DEGRADED
    },
];
