//! Pages of documentation, without code.

/// The consistency guarantees, the events that break them, and for how long.
#[doc = include_str!("consistency.md")]
pub mod consistency {}

/// The effects of each failure, its symptoms, and what to do.
#[doc = include_str!("failure_modes.md")]
pub mod failure_modes {}

/// The metrics of a cache, by name.
#[doc = include_str!("metrics.md")]
pub mod metrics {}
