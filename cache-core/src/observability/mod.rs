//! What happened, counted: statistics and health.

mod counter;
mod health;
mod stats;

pub(crate) use counter::Sharded;
pub use health::{Backend, Health, Status};
pub(crate) use stats::{Counters, Registry};
pub use stats::{MethodStats, Stats};
