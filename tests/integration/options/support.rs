//! What the stores of these tests share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts calls of a store.
#[derive(Debug, Default)]
pub(super) struct Calls(AtomicUsize);

impl Calls {
    /// Counts one call, and gives its number.
    pub(super) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The calls so far.
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// An error that can tell of nothing and cannot be cloned.
#[derive(Debug)]
pub(super) struct Failed;
