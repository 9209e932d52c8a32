//! Statistics and metrics: what is counted, and how it is published.

mod cache_counters;
mod checks;
mod counter;
mod metrics;
mod registry;
mod stats;

pub(crate) use cache_counters::{CacheCounters, Delivery, Request};
pub(crate) use checks::Check;
pub(crate) use counter::Sharded;
pub(crate) use metrics::Levels;
pub(crate) use registry::{Occupancy, Occupied, Registry};
pub(crate) use stats::Counters;
pub use stats::{MethodStats, Stats};
