//! Variants of session tokens.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Promise, Size, Variant};
use crate::configurations::{DEGRADED, SESSION};

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-observation",
        about: "R8: an observed token invalidates nothing",
        variant: Variant::TokenIgnored,
        expected: Refuted(
            Promise::Session,
            &["kept locally", "v1 is acknowledged", "observes the token", "local hit -> v0"],
        ),
        ..SESSION
    },
    Configuration {
        name: "without-long-tokens",
        about: "R8: a token is ignored after two leases, though degraded reads live longer",
        variant: Variant::TokenOldByLease,
        sessions: true,
        degraded: 4,
        size: Size::Large,
        expected: Refuted(
            Promise::Session,
            &[
                "kept for degraded reads",
                "its heartbeat has returned",
                "observes the token of writer 1, which is old",
                "degraded",
            ],
        ),
        ..DEGRADED
    },
];
