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

/// The moment until which an entry answers and nothing else happens, whether its value is an absence, and whether that
/// moment is final.
///
/// An entry that is not final has reached the age of its refresh, or the end of its life if it has no refresh. The three
/// lowest bits are the flags: they shorten the time by up to seven nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndOfLife(u64);

const ABSENT: u64 = 1;
const FINAL: u64 = 2;
const UNREFRESHED: u64 = 4;
const FLAGS: u64 = ABSENT | FINAL | UNREFRESHED;

impl EndOfLife {
    pub(crate) fn new(moment: Moment, absent: bool, is_final: bool) -> Self {
        let flags = u64::from(absent) * ABSENT + u64::from(is_final) * FINAL;
        // The flags may add seven again.
        Self(moment.0.saturating_sub(FLAGS) & !FLAGS | flags)
    }

    /// Marks an entry without a refresh of a method that has one: its moment is the end of its life.
    pub(crate) fn unrefreshed(self) -> Self {
        Self(self.0 | UNREFRESHED)
    }

    #[inline]
    pub(crate) fn is_over(self, now: Moment) -> bool {
        now.0 >= self.0
    }

    #[inline]
    pub(crate) fn is_absent(self) -> bool {
        self.0 & ABSENT != 0
    }

    /// Whether the entry never answers after the moment.
    pub(crate) fn is_final(self) -> bool {
        self.0 & FINAL != 0
    }

    /// Whether the moment is the end of its life, although its method has a refresh before that.
    pub(crate) fn is_unrefreshed(self) -> bool {
        self.0 & UNREFRESHED != 0
    }

    pub(crate) fn moment(self) -> Moment {
        Moment(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lives_until_its_moment_and_remembers_its_flags() {
        for moment in [7, 8, 9, 14, 15, 1000, 1001, u64::MAX - 1, u64::MAX] {
            for (absent, is_final) in [(false, false), (false, true), (true, false), (true, true)] {
                let plain = EndOfLife::new(Moment(moment), absent, is_final);
                for (end, unrefreshed) in [(plain, false), (plain.unrefreshed(), true)] {
                    assert_eq!((end.is_absent(), end.is_final()), (absent, is_final), "{moment}");
                    assert_eq!(end.is_unrefreshed(), unrefreshed, "{moment}");
                    assert!(end.is_over(Moment(moment)), "{moment}");
                    assert!(moment < 15 || !end.is_over(Moment(moment - 15)), "{moment}");
                }
            }
        }
    }
}
