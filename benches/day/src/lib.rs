//! A simulated day of reads through a caching decorator, on a manual clock.
//!
//! One read begins at each tick of the clock, of a key that a skewed distribution chooses. The store answers after a
//! fixed time on the same clock. Nothing else takes time, so that a latency is the time for which a read waited for
//! the store: a hit has none, a miss has that of the store, and a read that joins a load has the rest of it.
//!
//! The reads go through the public interface of a decorator with both tiers, whose heartbeats and other background
//! tasks run on the clock of the simulation as well.

mod popularity;
mod simulation;
mod store;
mod tally;

pub use simulation::{Options, Outage, Trace};
pub use tally::Report;

#[cfg(test)]
mod tests;
