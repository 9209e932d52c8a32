//! What threads share: the standard library's locks and atomics, and in their place those of shuttle where interleavings
//! are explored (`scripts/interleavings`). Each of its operations is a point at which any other thread may go on.
//!
//! A lock of the standard library that stays must not be held across one of these, or the explorer stands still.

#[cfg(not(all(test, shuttle)))]
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError, atomic};

#[cfg(all(test, shuttle))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, PoisonError, atomic};
