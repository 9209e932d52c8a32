//! Variants of mode fast: T4.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Counted, Faults, Mode, NONE, Promise, Variant};
use crate::configurations::OWN_WRITES;

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-journal-behind",
        about: "R7: a fast write is not in the journal until its release",
        variant: Variant::NoJournalBehind,
        mode: Mode::Fast,
        counted: Counted::Released,
        faults: Faults { evictions: 1, ..NONE },
        expected: Refuted(
            Promise::OwnWrites,
            &["Redis evicts the generation or lock", "SET v0", "commits v1", "v1 is acknowledged", "shared hit v0"],
        ),
        ..OWN_WRITES
    },
    Configuration {
        name: "without-advance-behind",
        about: "R7: a fast write does not advance again once it is journaled",
        variant: Variant::NoAdvanceBehind,
        mode: Mode::Fast,
        counted: Counted::Released,
        faults: Faults { evictions: 1, ..NONE },
        expected: Refuted(
            Promise::OwnWrites,
            &[
                "Redis evicts the generation or lock",
                "SET v0",
                "finishes",
                "shared hit v0",
                "kept locally",
                "v1 is acknowledged",
                "local hit -> v0",
            ],
        ),
        ..OWN_WRITES
    },
];
