//! Counted assertions.

use std::fmt::Debug;

use crate::{StoreError, StoreErrorKind};

/// The number of checks made.
#[derive(Debug, Default)]
pub(super) struct Checks {
    made: usize,
}

impl Checks {
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// Checks that `found` is as expected.
    #[track_caller]
    pub(super) fn equal<T: PartialEq + Debug>(&mut self, what: &str, found: &T, expected: &T) {
        self.made += 1;
        assert_eq!(found, expected, "{what}");
    }

    #[track_caller]
    pub(super) fn holds(&mut self, what: &str, holds: bool) {
        self.made += 1;
        assert!(holds, "{what}");
    }

    /// Checks that the call failed in this way, and wrote nothing.
    #[track_caller]
    pub(super) fn fails<T: Debug>(&mut self, what: &str, result: Result<T, StoreError>, kind: StoreErrorKind) {
        self.made += 1;
        let error = result.expect_err(what);
        assert_eq!(error.kind(), kind, "{what}: {error}");
        assert!(!error.is_retryable() && cache_core::WriteError::not_written(&error), "{what}: {error:?}");
    }

    /// Checks that the call was refused, and that its message names the mistake.
    #[track_caller]
    pub(super) fn refused<T: Debug>(&mut self, what: &str, result: Result<T, StoreError>, names: &str) {
        let words = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.fails(what, result, StoreErrorKind::InvalidInput);
        assert!(words.contains(names), "{what}: `{words}` does not contain `{names}`");
    }
}
