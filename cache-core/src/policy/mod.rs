//! The policies of read methods: what they cache, for how long, and in which tiers. They use no clock, no randomness and no I/O.

mod read_policy;
mod ttl;

pub use read_policy::{LocalEngine, ReadPolicy};
pub(crate) use ttl::lifetime;
