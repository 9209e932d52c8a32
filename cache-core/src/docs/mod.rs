//! Pages of documentation. There is no code in here.

/// What a reader may see, where that is lost, and how far it is off there.
#[doc = include_str!("consistency.md")]
pub mod consistency {}

/// What happens when something breaks, what an operator sees, and what there is to do.
#[doc = include_str!("failure_modes.md")]
pub mod failure_modes {}

/// The metrics of a cache, by name.
#[doc = include_str!("metrics.md")]
pub mod metrics {}
