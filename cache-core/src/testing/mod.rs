//! Test support: a manual clock, fault injection, disabled protections, and traces of calls.
//!
//! It requires the feature `testing`, and is not meant for production.

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
