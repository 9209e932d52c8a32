//! Estimates the size of a region's entries, and limits the keys of one round trip by it.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most keys of one round trip: the server handles no other command meanwhile.
const MAX_KEYS_AT_ONCE: usize = 1024;
/// The most bytes to expect from one round trip: they delay every reply behind them.
const MAX_BYTES_AT_ONCE: usize = 4 << 20;
/// The keys of the first round trip while the entry size is unknown.
///
/// The following round trips grow by `GROWTH`.
const FIRST_KEYS: usize = 128;
const GROWTH: usize = 4;
/// The fraction of the difference by which the expected size falls.
const FALL: usize = 8;

/// The expected size of a region's entries in the shared tier, in bytes; 0 if unknown.
///
/// It rises at once and falls slowly. Concurrent updates may overwrite each other: it is an estimate.
#[derive(Debug, Default)]
pub(super) struct EntrySize(AtomicUsize);

impl EntrySize {
    /// Records the sizes of entries that were read or written together. Absent entries are ignored.
    pub(super) fn observe(&self, sizes: impl Iterator<Item = usize>) {
        let (count, sum) = sizes.filter(|size| *size > 0).fold((0, 0), |(count, sum), size| (count + 1, sum + size));
        let Some(mean) = usize::checked_div(sum, count) else { return };
        let known = self.0.load(Ordering::Relaxed);
        let next = if mean >= known { mean } else { known - (known - mean) / FALL };
        if next != known {
            self.0.store(next, Ordering::Relaxed);
        }
    }

    /// Returns the expected size of an entry.
    ///
    /// While it is unknown, it is that of the entries for which a first round trip has room.
    pub(super) fn expected(&self) -> usize {
        match self.0.load(Ordering::Relaxed) {
            0 => MAX_BYTES_AT_ONCE / FIRST_KEYS,
            size => size,
        }
    }

    /// Returns the number of keys for the next round trip of a batch. `before` is the previous number.
    pub(super) fn keys_at_once(&self, before: Option<usize>) -> usize {
        match self.0.load(Ordering::Relaxed) {
            0 => before.map_or(FIRST_KEYS, |before| before.saturating_mul(GROWTH)).min(MAX_KEYS_AT_ONCE),
            size => (MAX_BYTES_AT_ONCE / size).clamp(1, MAX_KEYS_AT_ONCE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(replies: &[&[usize]]) -> EntrySize {
        let size = EntrySize::default();
        for sizes in replies {
            size.observe(sizes.iter().copied());
        }
        size
    }

    #[test]
    fn a_round_trip_transfers_a_bounded_number_of_bytes() {
        let table: [(&[&[usize]], usize); 7] = [
            (&[], 128),
            (&[&[]], 128),
            (&[&[0, 0]], 128),
            (&[&[100]], 1024),
            (&[&[100_000, 0, 100_000]], 41),
            (&[&[100], &[100_000]], 41),
            (&[&[1 << 30]], 1),
        ];
        for (replies, keys) in table {
            assert_eq!(after(replies).keys_at_once(None), keys, "{replies:?}");
        }
    }

    #[test]
    fn while_the_size_is_unknown_the_round_trips_grow() {
        let size = EntrySize::default();
        let steps =
            std::iter::successors(Some(size.keys_at_once(None)), |before| Some(size.keys_at_once(Some(*before))));
        assert_eq!(steps.take(4).collect::<Vec<_>>(), [128, 512, 1024, 1024]);
    }

    #[test]
    fn a_few_small_entries_do_not_hide_large_ones() {
        let small: &[usize] = &[100];
        assert!(after(&[&[100_000], small]).keys_at_once(None) < 50);
        let replies = vec![small; 100];
        assert_eq!(after(&[&[&[100_000_usize][..]], &replies[..]].concat()).keys_at_once(None), 1024);
    }
}
