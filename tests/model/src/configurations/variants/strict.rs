//! Variants of mode strict: T3.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Faults, NONE, Promise, Size, Variant};
use crate::configurations::STRICT;

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-wait",
        about: "a strict write does not wait",
        variant: Variant::NoWait,
        expected: Refuted(Promise::Strict, &["kept locally", "RELEASE", "v1 is acknowledged", "local hit -> v0"]),
        ..STRICT
    },
    Configuration {
        name: "without-whole-wait",
        about: "a strict write waits less than the lease",
        variant: Variant::ShortWait,
        lease: 2,
        expected: Refuted(
            Promise::Strict,
            &["kept locally", "RELEASE", "the clock moves on", "v1 is acknowledged", "local hit -> v0"],
        ),
        ..STRICT
    },
    Configuration {
        name: "without-late-wait",
        about: "a strict write waits from its write lock, which did not reach Redis; its release does",
        variant: Variant::WaitFromLock,
        faults: Faults { timeouts: 1, ..NONE },
        expected: Refuted(
            Promise::Strict,
            &[
                "kept locally",
                "LOCK times out, not applied",
                "the clock moves on",
                "sends a heartbeat",
                "RELEASE",
                "v1 is acknowledged",
                "its heartbeat has returned",
                "local hit -> v0",
            ],
        ),
        ..STRICT
    },
    Configuration {
        name: "without-late-wait-evict",
        size: Size::Large,
        about: "a strict write waits from its write lock, and the lock is lost, or its own lease has lapsed",
        variant: Variant::WaitFromLock,
        faults: Faults { evictions: 1, ..NONE },
        expected: Refuted(
            Promise::Strict,
            &[
                "kept locally",
                "the clock moves on",
                "sends a heartbeat",
                "RELEASE",
                "its heartbeat has returned",
                "local hit -> v0",
            ],
        ),
        ..STRICT
    },
];
