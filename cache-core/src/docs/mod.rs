//! Pages of documentation, without code.

/// What a reader may see, which events break the guarantees, and for how long.
#[doc = include_str!("consistency.md")]
pub mod consistency {}

/// The effects of each failure, its symptoms, and what to do.
#[doc = include_str!("failure_modes.md")]
pub mod failure_modes {}

/// The metrics of a cache, by name.
#[doc = include_str!("metrics.md")]
pub mod metrics {}
