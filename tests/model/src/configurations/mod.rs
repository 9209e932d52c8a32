//! The table of configurations.

mod barrier;
mod degraded;
mod fast;
mod flights;
mod journal;
mod limits;
mod local;
mod pending;
mod sessions;
mod shared;
mod strict;
mod variants;

use crate::configuration::{
    Configuration, Counted, Expected, Faults, Kind, Mode, NONE, Reads, Size, Variant, WriterOf,
};
use crate::state::Scopes;

/// Every configuration, in the order of the table.
pub fn configurations() -> impl Iterator<Item = &'static Configuration> {
    let parts = [
        shared::ALL,
        local::ALL,
        sessions::ALL,
        degraded::ALL,
        fast::ALL,
        strict::ALL,
        journal::ALL,
        flights::ALL,
        barrier::ALL,
        pending::ALL,
        limits::ALL,
    ];
    parts.into_iter().chain(variants::ALL).flatten()
}

const OWN: Scopes = Scopes(1);
const WIDE: Scopes = Scopes(2);
const BOTH: Scopes = Scopes::ALL;

/// A write on this instance that locks.
const fn writes(instance: usize, scopes: Scopes) -> WriterOf {
    WriterOf { instance, scopes, kind: Kind::Locks }
}

/// A write on this instance that invalidates afterwards.
const fn invalidates(instance: usize, scopes: Scopes) -> WriterOf {
    WriterOf { instance, scopes, kind: Kind::Invalidates }
}

/// A write on this instance whose scopes are known only from its result.
const fn by_result(instance: usize, scopes: Scopes) -> WriterOf {
    WriterOf { instance, scopes, kind: Kind::ByResult }
}

/// Two readers and a writer on two instances with only a shared tier.
///
/// Every read is answered by Redis or the store.
const SHARED: Configuration = Configuration {
    name: "",
    about: "",
    size: Size::Small,
    instances: 2,
    readers: &[0, 1],
    reads: Reads::Forever,
    writers: &[writes(0, OWN)],
    local: false,
    shared: true,
    lease: 0,
    journal: 2,
    degraded: 0,
    sessions: false,
    pauses: false,
    joins: false,
    members: false,
    newcomer: false,
    warm: false,
    punctual: false,
    deadline: false,
    mode: Mode::Safe,
    counted: Counted::Delivered,
    faults: NONE,
    variant: Variant::AsBuilt,
    max_loads: None,
    expected: Expected::Holds,
};

/// A reader and a writer on two instances with local tiers and a clock.
const LOCAL: Configuration =
    Configuration { local: true, lease: 1, readers: &[0], writers: &[writes(1, OWN)], ..SHARED };

/// The same with degraded reads.
const DEGRADED: Configuration = Configuration { degraded: 1, ..LOCAL };

/// A reader on an instance that observes the writer's session tokens, without a clock.
const SESSION: Configuration = Configuration { sessions: true, writers: &[writes(1, OWN)], ..OWN_WRITES };

/// A reader and a writer on two instances that are members, without local tiers.
///
/// The clock only limits reads of the shared tier. Every write counts from its acknowledgement.
const BARRIER: Configuration = Configuration {
    members: true,
    lease: 1,
    readers: &[0],
    writers: &[invalidates(1, OWN)],
    counted: Counted::Acknowledged,
    faults: Faults { outages: 1, ..NONE },
    ..SHARED
};

/// The same with punctual heartbeats, so that only the outage has an effect.
const PUNCTUAL: Configuration = Configuration { punctual: true, lease: 2, ..BARRIER };

/// The same with local tiers.
const BARRIER_LOCAL: Configuration = Configuration { local: true, warm: true, ..PUNCTUAL };

/// The first one in mode fast.
const FAST: Configuration = Configuration { mode: Mode::Fast, ..SHARED };

/// The same in mode strict.
const STRICT: Configuration = Configuration { mode: Mode::Strict, ..LOCAL };

/// A reader on the writer's instance, with a local tier and no clock or expiry.
const OWN_WRITES: Configuration = Configuration { local: true, readers: &[0], ..SHARED };
