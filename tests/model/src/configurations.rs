//! The table of what is explored.

use crate::configuration::{
    Configuration, Expected, Faults, Kind, NONE, Promise, Reads, Size, Variant, WriterOf,
};
use crate::state::Scopes;
use Expected::{Holds, Refuted};

/// Every configuration, in the order of the table.
pub fn configurations() -> &'static [Configuration] {
    ALL
}

const OWN: Scopes = Scopes(1);
const WIDE: Scopes = Scopes(2);
const BOTH: Scopes = Scopes::ALL;

const fn writes(instance: usize, scopes: Scopes) -> WriterOf {
    WriterOf { instance, scopes, kind: Kind::Locks }
}

const fn bumps(instance: usize, scopes: Scopes) -> WriterOf {
    WriterOf { instance, scopes, kind: Kind::Bumps }
}

/// Two instances that share a tier and have no local one.
const SHARED: Configuration = Configuration {
    name: "",
    about: "",
    size: Size::Small,
    instances: 2,
    readers: &[0, 1],
    reads: Reads::Forever,
    writers: &[writes(0, OWN), writes(1, OWN)],
    local: false,
    shared: true,
    lease: 0,
    journal: 2,
    faults: NONE,
    variant: Variant::AsBuilt,
    max_loads: None,
    expected: Holds,
};

/// A reader and a writer on two instances with local tiers, a bus and a clock.
const LOCAL: Configuration = Configuration { local: true, lease: 1, readers: &[0], writers: &[writes(1, OWN)], ..SHARED };

const ALL: &[Configuration] = &[
    Configuration { name: "shared", about: "slow fills against two writers", ..SHARED },
    Configuration { name: "shared-crash", about: "", faults: Faults { crashes: 1, ..NONE }, ..SHARED },
    Configuration { name: "shared-evict-1", about: "", faults: Faults { evictions: 1, ..NONE }, ..SHARED },
    Configuration { name: "shared-evict-2", about: "", faults: Faults { evictions: 2, ..NONE }, ..SHARED },
    Configuration { name: "shared-early", about: "", faults: Faults { early_expiries: 1, ..NONE }, ..SHARED },
    Configuration { name: "shared-early-crash", about: "", faults: Faults { early_expiries: 1, crashes: 1, ..NONE }, ..SHARED },
    Configuration { name: "shared-unknown", about: "", faults: Faults { unknowns: 1, ..NONE }, ..SHARED },
    Configuration { name: "shared-timeout", about: "", faults: Faults { timeouts: 1, ..NONE }, ..SHARED },
    Configuration { name: "shared-timeout-2", about: "", faults: Faults { timeouts: 2, ..NONE }, ..SHARED },
    Configuration { name: "shared-flush", about: "", faults: Faults { flushes: 1, ..NONE }, ..SHARED },
    Configuration { name: "shared-failover", about: "", faults: Faults { failovers: 1, ..NONE }, writers: &[writes(0, OWN)], ..SHARED },
    Configuration { name: "shared-failback", about: "", faults: Faults { failovers: 1, failbacks: 1, ..NONE }, writers: &[writes(0, OWN)], ..SHARED },
    Configuration { name: "shared-disconnect", about: "", faults: Faults { disconnects: 1, ..NONE }, ..SHARED },
    Configuration { name: "shared-overflow", about: "", journal: 1, writers: &[writes(0, BOTH)], faults: Faults { timeouts: 1, ..NONE }, ..SHARED },
    Configuration { name: "shared-both", about: "", writers: &[writes(0, BOTH)], ..SHARED },
    Configuration { name: "shared-bump", about: "", writers: &[bumps(0, WIDE), writes(1, OWN)], ..SHARED },
    Configuration { name: "shared-cancel", about: "", readers: &[0, 0, 1], writers: &[writes(1, OWN)], faults: Faults { cancels: 1, ..NONE }, ..SHARED },
    Configuration { name: "local", about: "", ..LOCAL },
    Configuration { name: "local-2", about: "", readers: &[0, 1], lease: 2, ..LOCAL },
    Configuration { name: "local-crash", about: "", readers: &[0], faults: Faults { crashes: 1, ..NONE }, ..LOCAL },
    Configuration { name: "local-silence", about: "", faults: Faults { silences: 1, ..NONE }, ..LOCAL },
    Configuration { name: "local-disconnect", about: "", faults: Faults { disconnects: 1, ..NONE }, ..LOCAL },
    Configuration { name: "local-timeout", about: "", readers: &[1], faults: Faults { timeouts: 2, ..NONE }, ..LOCAL },
    Configuration { name: "local-evict", about: "", readers: &[1], faults: Faults { evictions: 1, ..NONE }, ..LOCAL },
    Configuration { name: "local-evict-timeout", about: "", readers: &[1], faults: Faults { evictions: 1, timeouts: 1, ..NONE }, ..LOCAL },
    Configuration { name: "local-failover", about: "", faults: Faults { failovers: 1, ..NONE }, ..LOCAL },
    Configuration { name: "v-no-fence", about: "", variant: Variant::NoFence, ..SHARED },
    Configuration { name: "v-one-token", about: "", variant: Variant::OneToken, faults: Faults { crashes: 1, ..NONE }, ..SHARED },
    Configuration { name: "v-late-epoch", about: "", variant: Variant::LateEpoch, faults: Faults { failovers: 1, ..NONE }, ..SHARED },
    Configuration { name: "v-no-epoch", about: "", variant: Variant::NoEpoch, faults: Faults { failovers: 1, ..NONE }, ..SHARED },
    Configuration { name: "v-arrival", about: "", variant: Variant::ArrivalLease, ..LOCAL },
    Configuration { name: "v-no-seq", about: "", variant: Variant::NoSequenceCheck, ..LOCAL },
    Configuration { name: "v-counter", about: "", variant: Variant::Counter, writers: &[bumps(0, OWN)], faults: Faults { evictions: 1, ..NONE }, ..SHARED },
    Configuration { name: "v-join-any", about: "", variant: Variant::JoinAnyFlight, readers: &[0, 0], ..SHARED },
    Configuration { name: "v-carried", about: "", variant: Variant::CarriedUnasked, readers: &[0, 0], ..SHARED },
    Configuration { name: "v-no-abandon", about: "", variant: Variant::NoAbandonment, readers: &[0, 0], reads: Reads::Once, faults: Faults { cancels: 1, ..NONE }, ..SHARED },
    Configuration { name: "v-no-own", about: "", variant: Variant::NoLocalAdvance, readers: &[1], ..LOCAL },
    Configuration { name: "v-release-unknown", about: "", variant: Variant::ReleaseUnknown, faults: Faults { unknowns: 1, ..NONE }, ..SHARED },
    Configuration { name: "v-no-journal", about: "", variant: Variant::NoJournal, faults: Faults { timeouts: 2, ..NONE }, ..SHARED },
    Configuration { name: "v-no-flush", about: "", variant: Variant::NoFlush, faults: Faults { disconnects: 1, ..NONE }, ..LOCAL },
    Configuration { name: "burst", about: "", readers: &[0, 0, 0, 0], reads: Reads::Burst, writers: &[], max_loads: Some(1), ..SHARED },
    Configuration { name: "burst-alone", about: "", shared: false, instances: 1, readers: &[0, 0, 0, 0], reads: Reads::Burst, writers: &[], max_loads: Some(2), ..SHARED },
];

#[expect(dead_code)]
const X: (Promise, Expected) = (Promise::Shared, Refuted(Promise::Shared, &[]));
