//! The read path and the write path: the only modules that order their steps.

mod batch;
mod circles;
mod entry_size;
mod fill;
mod held;
#[cfg(all(test, shuttle))]
mod interleavings;
mod late_acknowledgement;
mod load;
mod local;
mod lookup;
mod names;
mod nesting;
mod news;
mod permits;
mod put;
mod read;
mod region;
mod terms;
mod user_code;
mod verify;
mod wait;
mod witness;
mod write;

pub use batch::{BatchMap, BatchTerms, Slot};
pub(crate) use permits::{Permit, Permits};
pub use region::{Region, RegionSpec};
pub use terms::{LoadErrors, Presence, Terms};
pub(crate) use verify::CHECKS_AT_ONCE;
pub use write::{WriteGuard, WriteOutcome};
