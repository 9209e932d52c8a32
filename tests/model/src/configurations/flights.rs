//! Flights: followers, and the number of calls of the store.

use super::{OWN, SHARED, writes};
use crate::configuration::{Configuration, Faults, NONE, Reads, Size};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "burst",
        about: "four readers of a cold key cost one load",
        instances: 1,
        readers: &[0, 0, 0, 0],
        reads: Reads::Burst,
        writers: &[],
        max_loads: Some(1),
        ..SHARED
    },
    Configuration {
        name: "burst-local",
        about: "and so they do with a local tier",
        instances: 1,
        local: true,
        readers: &[0, 0, 0, 0],
        reads: Reads::Burst,
        writers: &[],
        max_loads: Some(1),
        ..SHARED
    },
    Configuration {
        name: "burst-no-tier",
        about: "two loads without any tier",
        instances: 1,
        shared: false,
        readers: &[0, 0, 0, 0],
        reads: Reads::Burst,
        writers: &[],
        max_loads: Some(2),
        ..SHARED
    },
    Configuration {
        name: "burst-under-write",
        about: "two loads while a writer is at work",
        instances: 1,
        readers: &[0, 0, 0],
        reads: Reads::Burst,
        max_loads: Some(2),
        ..SHARED
    },
    Configuration {
        name: "burst-evict",
        about: "two loads if Redis loses its data in between",
        instances: 1,
        readers: &[0, 0, 0],
        reads: Reads::Burst,
        writers: &[],
        faults: Faults { evictions: 1, ..NONE },
        max_loads: Some(2),
        ..SHARED
    },
    Configuration {
        name: "ends-cancels",
        about: "every read ends, though two callers are dropped",
        size: Size::Large,
        instances: 1,
        readers: &[0, 0, 0, 0],
        reads: Reads::Once,
        faults: Faults { cancels: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "ends-disconnect",
        about: "every read ends, though the connection is lost and a caller is dropped",
        size: Size::Large,
        instances: 1,
        readers: &[0, 0, 0],
        reads: Reads::Once,
        faults: Faults { cancels: 1, disconnects: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "ends-no-tier",
        about: "every read ends without any tier",
        instances: 1,
        shared: false,
        readers: &[0, 0, 0, 0],
        reads: Reads::Once,
        faults: Faults { cancels: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "joins",
        about: "three readers of one instance, next flights and carried values",
        readers: &[0, 0, 0],
        ..SHARED
    },
    Configuration {
        name: "joins-cancels",
        about: "and dropped callers",
        readers: &[0, 0, 0],
        faults: Faults { cancels: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "joins-evict",
        about: "carried values, and an evicted generation",
        readers: &[0, 0],
        faults: Faults { evictions: 2, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "joins-crash",
        about: "two writers, one of which dies",
        size: Size::Large,
        readers: &[0, 0],
        writers: &[writes(1, OWN), writes(1, OWN)],
        faults: Faults { crashes: 1, ..NONE },
        ..SHARED
    },
    Configuration {
        name: "joins-four",
        about: "four readers of one instance against two writers",
        size: Size::Large,
        readers: &[0, 0, 0, 0],
        writers: &[writes(0, OWN), writes(1, OWN)],
        ..SHARED
    },
    Configuration {
        name: "joins-failover",
        about: "carried values across a failover",
        size: Size::Large,
        readers: &[0, 0],
        faults: Faults { failovers: 1, ..NONE },
        ..SHARED
    },
];
