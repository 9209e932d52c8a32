//! Variants of flights.

use crate::configuration::Expected::Refuted;
use crate::configuration::{Configuration, Faults, NONE, Promise, Reads, Variant};
use crate::configurations::SHARED;

pub(super) const ALL: &[Configuration] = &[
    Configuration {
        name: "without-next-flight",
        about: "R13: a new read takes the outcome of the flight under way",
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
        about: "R13: a flight's value is carried without reading the generations again",
        variant: Variant::CarriedUnchecked,
        readers: &[0, 0],
        expected: Refuted(
            Promise::Shared,
            &["reads v0 from the store", "v1 is acknowledged", "leads the next flight", "taken without a check"],
        ),
        ..SHARED
    },
    Configuration {
        name: "without-abandonment",
        about: "R14: a dropped leader does not end its flight",
        variant: Variant::NoAbandonment,
        readers: &[0, 0],
        reads: Reads::Once,
        writers: &[],
        faults: Faults { cancels: 1, ..NONE },
        expected: Refuted(Promise::Ends, &["leads a flight", "is dropped", "leads the next flight"]),
        ..SHARED
    },
];
