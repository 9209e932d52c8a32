//! Records the trace of a call. Without the feature `testing` these functions do nothing.

use crate::flight::Source;

#[cfg(not(feature = "testing"))]
mod told {
    use super::Source;

    #[inline(always)]
    pub(in crate::engine) fn answered(_: Source) {}

    #[inline(always)]
    pub(in crate::engine) fn joined() {}

    #[inline(always)]
    pub(in crate::engine) fn announced(_: bool) {}

    #[inline(always)]
    pub(in crate::engine) fn released(_: bool) {}
}

#[cfg(feature = "testing")]
mod told {
    use super::Source;
    use crate::testing::note;

    pub(in crate::engine) fn answered(source: Source) {
        note(|account| account.source = Some(source));
    }

    pub(in crate::engine) fn joined() {
        note(|account| account.joined = true);
    }

    pub(in crate::engine) fn announced(placed: bool) {
        note(|account| account.announced = Some(placed));
    }

    pub(in crate::engine) fn released(told: bool) {
        note(|account| account.released = Some(told));
    }
}

pub(super) use told::{announced, answered, joined, released};
