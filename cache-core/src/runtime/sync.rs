//! Locks and atomics: those of the standard library, or those of shuttle while interleavings are explored.
//!
//! `scripts/interleavings` explores them. Each operation of a shuttle primitive is a point at which any other thread
//! may continue. A remaining lock of the standard library must not be held across such a point, or the explorer blocks.

#[cfg(not(all(test, shuttle)))]
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, atomic};

#[cfg(all(test, shuttle))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, PoisonError, RwLock, atomic};
