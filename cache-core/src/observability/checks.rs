//! The results of the verifier, by kind, with the total time for which stale hits were still returned.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The result of one check of a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// The store returned the same value.
    Equal,
    /// The store returned another value, and the local tier continued to return the old one.
    ///
    /// The duration is from the start of the store's read until the local tier stopped.
    Stale(Duration),
    /// The store returned another value, and the local tier no longer returned the old one.
    Raced,
    /// The store failed, or a value could not be encoded.
    Failed,
}

/// The names of the results, in the order of [`Checks::totals`].
pub(crate) const RESULTS: [&str; 4] = ["equal", "stale", "raced", "failed"];

impl Check {
    fn place(self) -> usize {
        match self {
            Self::Equal => 0,
            Self::Stale(_) => 1,
            Self::Raced => 2,
            Self::Failed => 3,
        }
    }
}

/// The checks of one read method.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    results: [AtomicU64; RESULTS.len()],
    stale_micros: AtomicU64,
}

impl Checks {
    pub(crate) fn add(&self, check: Check) {
        self.results[check.place()].fetch_add(1, Ordering::Relaxed);
        if let Check::Stale(span) = check {
            self.stale_micros.fetch_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    pub(crate) fn totals(&self) -> [u64; RESULTS.len()] {
        self.results.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    pub(crate) fn stale_micros(&self) -> u64 {
        self.stale_micros.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_has_its_index() {
        let checks = Checks::default();
        let stale = Check::Stale(Duration::from_micros(1500));
        for (times, check) in [Check::Equal, stale, Check::Raced, Check::Failed].into_iter().enumerate() {
            (0..=times).for_each(|_| checks.add(check));
        }
        assert_eq!(
            RESULTS.into_iter().zip(checks.totals()).collect::<Vec<_>>(),
            [("equal", 1), ("stale", 2), ("raced", 3), ("failed", 4)]
        );
        assert_eq!(checks.stale_micros(), 3000);
    }
}
