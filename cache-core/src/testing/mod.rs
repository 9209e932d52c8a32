//! Test support: a manual clock, fault injection, disabled protections, and traces of calls.
//!
//! It requires the feature `testing`, and is not meant for production.

mod cache;
mod chaos;
mod faults;
mod numbers;

/// The name of [`trace`] in programs that were written before it was renamed.
#[doc(hidden)]
pub use crate::call_trace::trace as witness;
pub use crate::call_trace::{CallTrace, Source, announced, trace};
pub use chaos::{ChaosRemote, Operation};
pub use numbers::TokenNumbers;

pub use crate::protocol::Protection;
pub use crate::runtime::ManualClock;
