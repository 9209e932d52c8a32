//! The manual clock of a build without the feature `testing`: none exists.

use std::time::Duration;

use super::{Moment, Stopwatch};

/// No value has this type, so that the branches for it cost nothing.
#[derive(Debug, Clone)]
#[expect(unreachable_pub, reason = "the clock of tests is public")]
pub enum ManualClock {}

impl ManualClock {
    pub(super) fn now(&self) -> Moment {
        match *self {}
    }

    pub(super) fn stopwatch(&self) -> Stopwatch {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "the clock of tests waits")]
    pub(super) async fn sleep(&self, _: Duration) {
        match *self {}
    }
}
