//! A live history checker for the promise of the cache.
//!
//! Several processes read and write the same registers through caches of their own, on a real Redis and a real Postgres, while
//! faults are injected from a seed. Whatever they saw is one line each of a [history], and the [checker] compares the
//! history with what was promised. The form of a line is in `tests/chaos/SCHEMA.md`, so that others can check it too.

pub mod chance;
pub mod checker;
pub mod history;
pub mod outages;
pub mod rates;
pub mod report;
pub mod schedule;
