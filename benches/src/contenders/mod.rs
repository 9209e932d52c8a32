//! The contenders that the benchmarks compare.
//!
//! Each is built and filled on its own: caches that are filled in turns are scattered in memory, which slows down their
//! reads for an unrelated reason.
//!
//! All have spare capacity beyond every tenant, so that every read is a hit, and all but the bare engine expire
//! entries.

mod decorator;
mod hand_written;
mod raw;

pub use decorator::{Decorator, Linked, decorate};
pub use hand_written::HandWritten;
pub use raw::{MokaByTenant, MokaByText, QuickByTenant};

use std::time::Duration;

use crate::TENANTS;

/// The capacity of a contender, with spare room since shards fill unevenly.
pub const CAPACITY: usize = 2 * TENANTS;

/// A time to live longer than any run.
pub const TTL: Duration = Duration::from_hours(24);
