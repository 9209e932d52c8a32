//! For tests: a manual clock, a remote that misbehaves on command, caches with one protection taken out, and what
//! the engine did for a call.
//!
//! Behind the feature `testing`. Nothing of it is meant for a service.

mod chaos;
mod lies;
mod numbers;
mod weakness;
mod witness;

pub use chaos::{ChaosRemote, Operation};
pub use numbers::TokenNumbers;
pub use weakness::Weakness;
pub(crate) use witness::note;
pub use witness::{Account, Source, announced, witness};

pub use crate::runtime::ManualClock;
