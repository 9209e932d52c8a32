//! Time, randomness and tasks. All other modules use them through this one.
//!
//! So a test can replace the clock, and unit tests can replace locks and atomics to explore interleavings. Decisions
//! elsewhere take the time and the random number as arguments, and are pure.

mod clock;
mod deadlines;
#[cfg(all(test, shuttle))]
pub(crate) mod explore;
pub(crate) mod random;
pub(crate) mod sync;
mod tasks;

pub use clock::Clock;
pub(crate) use clock::{GRANULARITY, Moment, Stopwatch};
pub(crate) use deadlines::Deadlines;
pub(crate) use tasks::Tasks;

#[cfg(feature = "testing")]
pub use clock::ManualClock;
