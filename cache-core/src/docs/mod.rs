//! Pages of documentation. There is no code in here.

/// What a reader may see, which events break the guarantees, and for how long.
#[doc = include_str!("consistency.md")]
pub mod consistency {}

/// What happens in each failure, what an operator sees, and what to do.
#[doc = include_str!("failure_modes.md")]
pub mod failure_modes {}

/// The metrics of a cache, by name.
#[doc = include_str!("metrics.md")]
pub mod metrics {}
