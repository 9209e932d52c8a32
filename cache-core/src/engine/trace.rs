//! Records the trace of a call. Without the feature `testing` these functions do nothing.

use crate::single_flight::Source;

#[cfg(not(feature = "testing"))]
mod recorder {
    use super::Source;

    #[inline(always)]
    pub(in crate::engine) fn answered(_: Source) {}

    #[inline(always)]
    pub(in crate::engine) fn joined(_: Source) {}

    #[inline(always)]
    pub(in crate::engine) fn announced(_: bool) {}

    #[inline(always)]
    pub(in crate::engine) fn released(_: bool) {}
}

#[cfg(feature = "testing")]
mod recorder {
    use super::Source;
    use crate::call_trace::record;

    pub(in crate::engine) fn answered(source: Source) {
        record(|trace| trace.answer(source));
    }

    pub(in crate::engine) fn joined(source: Source) {
        record(|trace| {
            trace.answer(source);
            trace.joined = true;
        });
    }

    pub(in crate::engine) fn announced(placed: bool) {
        record(|trace| trace.announced = Some(placed));
    }

    pub(in crate::engine) fn released(delivered: bool) {
        record(|trace| trace.released = Some(delivered));
    }
}

pub(super) use recorder::{announced, answered, joined, released};
