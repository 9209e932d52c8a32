//! Absences that a store reports as errors.

use std::panic::{self, AssertUnwindSafe};

/// Returns the result of a load: an error for which `is_absence` returns true is an absence.
///
/// If `is_absence` panics, the error is an error.
///
/// # Errors
///
/// Any other error of the store.
pub fn or_absent<V, E>(answer: Result<V, E>, is_absence: impl FnOnce(&E) -> bool) -> Result<Option<V>, E> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if panic::catch_unwind(AssertUnwindSafe(|| is_absence(&error))).unwrap_or(false) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the result for a caller: an absence is the error of `absent`.
///
/// # Errors
///
/// The error of the look-up, or that of `absent`.
pub fn present<V, E>(answer: Result<Option<V>, E>, absent: impl FnOnce() -> E) -> Result<V, E> {
    answer?.ok_or_else(absent)
}
