//! What is measured side by side. Each is built and filled by itself: caches that are filled in turns lie scattered
//! in memory, and reading them is slower for a reason that has nothing to do with them.
//!
//! All hold every tenant with room to spare, so that every read is a hit, and all but the bare engine end an entry's
//! life after a time.

mod decorator;
mod hand_written;
mod raw;

pub use decorator::{Decorator, Linked, decorate};
pub use hand_written::HandWritten;
pub use raw::{MokaByTenant, MokaByText, QuickByTenant};

use std::time::Duration;

use crate::TENANTS;

/// Room for the entries of a contender, and then some: shards fill unevenly.
pub const CAPACITY: usize = 2 * TENANTS;

/// Longer than any run.
pub const TTL: Duration = Duration::from_hours(24);
