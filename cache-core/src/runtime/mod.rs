//! Time, randomness and tasks. All other modules use them through this one.

mod clock;
#[cfg(all(test, shuttle))]
pub(crate) mod explore;
pub(crate) mod random;
pub(crate) mod sync;
mod tasks;

pub use clock::Clock;
pub(crate) use clock::{GRANULARITY, Moment, Stopwatch};
pub(crate) use tasks::Tasks;

#[cfg(feature = "testing")]
pub use clock::ManualClock;
