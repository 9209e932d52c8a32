//! The policies of read methods: what they cache, for how long, and in which tiers.
//!
//! A policy is plain data, and a decision about a lifetime is a function of the policy, the kind of result and a random
//! fraction. This module uses no clock, no randomness and no I/O, so that tables can test it. It does not decide
//! whether an entry is current: that is the protocol's business (`freshness` in the process, generations in the shared
//! tier).

mod read_policy;
mod ttl;

pub(crate) use read_policy::{LocalCapacity, RefreshAfter};
pub use read_policy::{LocalEngine, ReadPolicy};
pub(crate) use ttl::{Staleness, lifetime};
