//! Shared parts of these tests' stores.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts calls of a store.
#[derive(Debug, Default)]
pub(super) struct Calls(AtomicUsize);

impl Calls {
    /// Counts one call, and returns its number.
    pub(super) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The calls so far.
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// An error without any information or `Clone`.
#[derive(Debug)]
pub(super) struct Failed;
