//! Counted assertions.

use std::fmt::Debug;

use crate::{StoreError, StoreErrorKind};

/// How many checks were made.
#[derive(Debug, Default)]
pub(super) struct Checks {
    made: usize,
}

impl Checks {
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// `found` is what it has to be.
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

    /// The call was refused, and its words name the mistake.
    #[track_caller]
    pub(super) fn refused<T: Debug>(&mut self, what: &str, result: Result<T, StoreError>, names: &str) {
        self.made += 1;
        let error = result.expect_err(what);
        assert_eq!(error.kind(), StoreErrorKind::InvalidInput, "{what}: {error}");
        assert!(error.to_string().contains(names), "{what}: `{error}` does not say `{names}`");
        assert!(!error.is_retryable() && cache_core::WriteError::not_written(&error), "{what}: {error:?}");
    }
}
