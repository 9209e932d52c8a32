//! Test support: a manual clock, fault injection, disabled protections, and traces of calls.
//!
//! It requires the feature `testing`, and is not meant for production: enable it under `[dev-dependencies]`.
//! [`docs::testing`](crate::docs::testing) shows how the parts work together.
//!
//! | for | use |
//! | --- | --- |
//! | time | [`ManualClock`], with [`CacheBuilder::clock`](crate::CacheBuilder::clock) or [`Cache::single_instance_with_clock`](crate::Cache::single_instance_with_clock) |
//! | an outage of the shared tier | [`MemoryRemote::stop`](crate::MemoryRemote::stop) |
//! | slow or failing operations, lost messages | [`ChaosRemote`] |
//! | the steps of one call | [`trace`] |
//! | a negative control | [`Protection`], with [`CacheBuilder::without`](crate::CacheBuilder::without) |

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
