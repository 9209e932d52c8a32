//! Statistics and metrics: what is counted, and how it is published.
//!
//! The engine increments counters of the region (`stats`) and of the cache (`cache_counters`). [`Stats`] and the
//! metrics of the facade are two views of the same counters, so they never disagree. Counting a local hit is a store to
//! a slot of the thread, and reads no clock. `spans` describe single calls, for a subscriber of `tracing`.

mod cache_counters;
mod checks;
mod counter;
mod metrics;
mod registry;
mod spans;
mod stats;

pub(crate) use cache_counters::{CacheCounters, Delivery, Request};
pub(crate) use checks::Check;
pub(crate) use counter::Sharded;
pub(crate) use metrics::Levels;
pub(crate) use registry::{Occupancy, Occupied, Registry};
pub(crate) use spans::CallSpan;
pub(crate) use stats::Counters;
pub use stats::{MethodStats, Stats};
