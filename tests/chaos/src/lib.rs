//! A live history checker for the promises of the cache.
//!
//! Several processes read and write the same registers through caches of their own, on a real Redis and a real
//! Postgres, while faults are injected from a seed. Each event is a line of a [history], and the [checker] compares the
//! history with the promises. `tests/chaos/SCHEMA.md` describes the lines, so that other programs can check them too.

pub mod checker;
pub mod history;
pub mod outages;
pub mod random;
pub mod rates;
pub mod report;
pub mod schedule;
