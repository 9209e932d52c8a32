//! Observability: statistics, metrics and health.

mod checks;
mod counter;
mod health;
mod metrics;
mod registry;
mod staleness;
mod stats;
mod tally;

pub(crate) use checks::Check;
pub(crate) use counter::Sharded;
pub use health::{Backend, Health, LinkStatus, Status};
pub(crate) use metrics::Publisher;
pub(crate) use registry::{Occupancy, Occupied, Registry};
pub(crate) use stats::Counters;
pub use stats::{MethodStats, Stats};
pub(crate) use tally::{Request, Tally, Told};
