//! Pages of documentation. There is no code in here.

/// The metrics of a cache, by name.
#[doc = include_str!("metrics.md")]
pub mod metrics {}
