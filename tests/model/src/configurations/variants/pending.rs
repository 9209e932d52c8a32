//! Variants of pending writers.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Faults, NONE, Promise, Size, Variant};
use crate::configurations::{LOCAL, OWN, SHARED, WIDE, by_result, writes};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-registration",
        about: "a target known only from the result is invalidated after the call, and the process dies",
        variant: Variant::NoRegistration,
        writers: &[by_result(0, OWN)],
        faults: Faults { crashes: 1, ..NONE },
        expected: Refuted(Promise::Shared, &["SET v0", "commits v1", "its process dies", "shared hit v0"]),
        ..SHARED
    },
    Configuration {
        name: "without-local-expiry",
        about: "local tiers ignore the registration of a pending writer",
        variant: Variant::ExpiryIgnored,
        writers: &[by_result(1, OWN)],
        faults: Faults { crashes: 1, ..NONE },
        expected: Refuted(
            Promise::Local,
            &[
                "kept locally",
                "REGISTER",
                "commits v1",
                "a lock's lifetime has passed",
                "the clock moves on",
                "local hit -> v0",
            ],
        ),
        ..LOCAL
    },
    Configuration {
        name: "without-limited-fills",
        about: "a fill under a pending writer outlives the expiry if the instance missed the registration",
        size: Size::Large,
        variant: Variant::FillOutlivesExpiry,
        writers: &[by_result(1, OWN)],
        faults: Faults { crashes: 1, disconnects: 1, ..NONE },
        expected: Refuted(
            Promise::Local,
            &["REGISTER", "kept locally", "its process dies", "a lock's lifetime has passed", "local hit -> v0"],
        ),
        ..LOCAL
    },
    Configuration {
        name: "without-carried-suffix",
        about: "a renewed generation does not carry the pending writers over",
        variant: Variant::SuffixDropped,
        writers: &[by_result(0, OWN), writes(1, WIDE)],
        faults: Faults { crashes: 1, ..NONE },
        expected: Refuted(
            Promise::Shared,
            &["REGISTER", "RELEASE on the wide scope", "commits v2", "its process dies", "shared hit v1"],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-late-removal",
        about: "a release removes the registration before it renews the named scope",
        variant: Variant::UnregisterFirst,
        writers: &[by_result(0, OWN)],
        faults: Faults { crashes: 1, ..NONE },
        expected: Refuted(Promise::Shared, &["SET v0", "ZREM", "its process dies", "shared hit v0"]),
        ..SHARED
    },
    Configuration {
        name: "without-timely-registration",
        about: "a registration that arrives late counts for its whole life from then on",
        variant: Variant::LateRegistration,
        writers: &[by_result(1, OWN)],
        faults: Faults { crashes: 1, ..NONE },
        expected: Refuted(
            Promise::Local,
            &["REGISTER", "a lock's lifetime has passed", "receives the messages", "local hit -> v0"],
        ),
        ..LOCAL
    },
];
