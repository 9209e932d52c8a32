//! For tests: a manual clock, a remote that misbehaves on command, and caches with one protection taken out.
//!
//! Behind the feature `testing`. Nothing of it is meant for a service.

mod chaos;
mod weakness;

pub use chaos::{ChaosRemote, Operation};
pub use weakness::Weakness;

pub use crate::runtime::ManualClock;
