//! The contenders that the benchmarks compare.
//!
//! Each is built and filled on its own: caches that are filled in turns are scattered in memory, which slows down their
//! reads for an unrelated reason.
//!
//! All have spare capacity beyond every tenant, so that every read is a hit, and all but the bare engine expire
//! entries.

mod careful;
mod decorator;
mod hand_written;
mod raw;

pub use careful::Careful;
pub use decorator::{Decorator, Linked, decorate};
pub use hand_written::HandWritten;
pub use raw::{MokaByTenant, MokaByText, QuickByTenant};

use std::time::Duration;

use stores::TenantId;
use stores::policy::PolicyStore;

use crate::TENANTS;

/// The capacity of a contender, with spare room since shards fill unevenly.
pub const CAPACITY: usize = 2 * TENANTS;

/// A time to live longer than any run.
pub const TTL: Duration = Duration::from_hours(24);

/// A decorator that was written by hand.
pub trait ByHand: PolicyStore + 'static {
    /// Removes a tenant from the cache.
    fn forget(&self, tenant: TenantId) -> impl Future<Output = ()> + Send;
}
