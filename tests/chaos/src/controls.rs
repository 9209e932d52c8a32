//! The controls: one protection each is taken out, and violations are expected.
//!
//! One token for all writers is none of them: the release repairs what the lost lock let in, so that a violation takes a writer
//! that is killed at the right moment. R10 stages it.

use cache_core::testing::Weakness;

const CONTROLS: [(&str, Weakness); 4] = [
    ("fence", Weakness::NoFence),
    ("sequences", Weakness::NoSequenceCheck),
    ("next-flights", Weakness::JoinAnyFlight),
    ("local-advance", Weakness::NoLocalAdvance),
];

/// The names of the protections that can be taken out.
pub(crate) fn names() -> Vec<&'static str> {
    CONTROLS.iter().map(|(name, _)| *name).collect()
}

/// The cache without this protection; with all of them where none is named.
pub(crate) fn without(name: Option<&str>) -> Option<Weakness> {
    let Some(name) = name else { return Some(Weakness::None) };
    CONTROLS.iter().find(|(known, _)| *known == name).map(|(_, weakness)| *weakness)
}
