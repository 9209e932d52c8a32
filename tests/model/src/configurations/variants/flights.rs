//! Variants of flights.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Faults, NONE, Promise, Reads, Variant};
use crate::configurations::SHARED;

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-next-flight",
        about: "R13: whoever arrives takes the answer of the flight under way",
        variant: Variant::JoinAnyFlight,
        readers: &[0, 0],
        expected: Refuted(
            Promise::Shared,
            &["reads v0 from the store", "v1 is acknowledged", "joins the flight under way", "its flight has ended"],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-second-look",
        about: "R13: a flight's value is carried on without asking for the tokens again",
        variant: Variant::CarriedUnasked,
        readers: &[0, 0],
        expected: Refuted(
            Promise::Shared,
            &["reads v0 from the store", "v1 is acknowledged", "leads the next flight", "taken unasked"],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-abandonment",
        about: "R14: a leader that goes away does not end its flight",
        variant: Variant::NoAbandonment,
        readers: &[0, 0],
        reads: Reads::Once,
        writers: &[],
        faults: Faults { cancels: 1, ..NONE },
        expected: Refuted(Promise::Ends, &["leads a flight", "goes away", "leads the next flight"]),
        ..SHARED
    },
];
