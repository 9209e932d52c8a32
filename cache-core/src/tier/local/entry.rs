//! The entries of the local tier.

use crate::freshness::Stamp;
use crate::runtime::Moment;

/// An entry of the local tier. It is as small as it can be, since a hit reads all of it.
#[derive(Debug, Clone)]
pub(crate) struct LocalEntry<R> {
    pub(crate) value: R,
    pub(crate) end: EndOfLife,
    /// The sequences of its wide scopes from before the value was read.
    pub(crate) stamp: Stamp,
}

/// The end of an entry's life, and whether its value is an absence.
///
/// The lowest bit is the absence: it shortens the life by up to a nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndOfLife(u64);

const ABSENT: u64 = 1;

impl EndOfLife {
    pub(crate) fn new(deadline: Moment, absent: bool) -> Self {
        let flag = u64::from(absent);
        // The latest moment that is not after the deadline and has the flag as its lowest bit.
        Self(deadline.0.saturating_sub((deadline.0 ^ flag) & ABSENT))
    }

    #[inline]
    pub(crate) fn is_over(self, now: Moment) -> bool {
        now.0 >= self.0
    }

    #[inline]
    pub(crate) fn is_absent(self) -> bool {
        self.0 & ABSENT != 0
    }

    /// The end of the life.
    #[cfg(feature = "moka")]
    pub(super) fn moment(self) -> Moment {
        Moment(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lives_until_its_deadline_and_remembers_whether_it_is_absent() {
        for deadline in [1, 2, 3, 1000, 1001, u64::MAX - 1, u64::MAX] {
            for absent in [false, true] {
                let end = EndOfLife::new(Moment(deadline), absent);
                assert_eq!(end.is_absent(), absent, "{deadline}");
                assert!(end.is_over(Moment(deadline)), "{deadline}");
                assert!(deadline < 3 || !end.is_over(Moment(deadline - 2)), "{deadline}");
            }
        }
        assert!(
            EndOfLife::new(Moment(0), false).is_over(Moment(0)) && EndOfLife::new(Moment(0), true).is_over(Moment(0))
        );
    }
}
