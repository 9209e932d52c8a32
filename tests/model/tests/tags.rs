//! Tags that values determine: the protocol holds, and each of its protections is needed.

use cache_model::{TagSize, TagVariant, explore_tags};

#[test]
fn tags_of_values_hold() {
    for (readers, writers, evictions) in [(2, 1, 0), (1, 2, 0), (1, 1, 2)] {
        let explored = explore_tags(TagVariant::AsBuilt, TagSize { readers, writers, ticks: 2, evictions });
        assert_eq!(explored.refutation, None, "{} states", explored.states);
        assert!(explored.states > 1_000, "{} states", explored.states);
    }
}

/// Each variant is refuted, with these words in the trace.
#[test]
fn without_a_protection_tags_of_values_do_not_hold() {
    let variants = [
        (TagVariant::NoClock, 0, "reads the tag"),
        (TagVariant::TagBeforeClock, 0, "begins its release"),
        (TagVariant::IgnoresRegistrations, 1, "the tag is evicted"),
        (TagVariant::NoRegistration, 0, "dies"),
        (TagVariant::LocalTagBeforeClock, 0, "a message advances the clock"),
    ];
    for (variant, evictions, essence) in variants {
        let trace = explore_tags(variant, TagSize { readers: 1, writers: 1, ticks: 2, evictions })
            .refutation
            .unwrap_or_else(|| panic!("{variant:?} holds"));
        assert!(trace.iter().any(|line| line.contains(essence)), "{variant:?}: {trace:#?}");
    }
}
