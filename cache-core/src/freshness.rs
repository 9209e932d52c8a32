//! Freshness of local hits: the lease, and the local sequences of the scopes.
//!
//! A local hit asks two questions, which atomic loads answer: is the local tier trusted at this moment, and was no
//! scope of the entry invalidated since its snapshot? Sequences are counters in a table of fixed size, indexed by the
//! hash of a scope. Two scopes may share one, which costs a miss. Nothing here waits, and nothing is specific to Redis.

use crate::protocol::{MAX_SCOPES, Scope, ScopeHash};
use crate::runtime::Moment;
use crate::runtime::sync::atomic::{AtomicU64, Ordering};

/// The number of sequence counters. Two scopes that share a counter cause misses, never stale hits; few counters would
/// reject too many fills. It is small for the exploration of interleavings, where each of thousands of runs creates
/// them.
const STRIPES: usize = if cfg!(all(test, shuttle)) { 1 << 4 } else { 1 << 16 };

/// A snapshot of the sequences of an entry's scopes.
///
/// It keeps only their sum: sequences never decrease, so the sum is unchanged only if each of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SequenceSnapshot {
    sum: u64,
    stripes: [u16; MAX_SCOPES],
    count: u8,
}

/// The bit in the sums of entries that were loaded without trust. Counting never reaches it.
const DEGRADED: u64 = 1 << 63;

impl SequenceSnapshot {
    /// Converts between the snapshots of normal and degraded entries.
    ///
    /// A normal entry is current only while the local tier is trusted, and a degraded one only while it is not.
    pub(crate) fn degraded(mut self) -> Self {
        self.sum ^= DEGRADED;
        self
    }
}

/// Decides whether the local tier may answer.
#[derive(Debug)]
pub(crate) struct Freshness {
    /// The end of the lease, in nanoseconds of the process clock; 0 while there is none.
    trusted_until: AtomicU64,
    /// The number of flushes.
    flushes: AtomicU64,
    /// The length is part of the type, so that an index needs no bounds check.
    stripes: Box<[AtomicU64; STRIPES]>,
}

impl Freshness {
    pub(crate) fn new() -> Self {
        Self { trusted_until: AtomicU64::new(0), flushes: AtomicU64::new(0), stripes: stripes() }
    }

    /// Whether the local tier may answer at all.
    #[inline]
    pub(crate) fn is_trusted(&self, now: Moment) -> bool {
        now.0 < self.trusted_until.load(Ordering::Acquire)
    }

    /// Whether no scope of the snapshot was invalidated since it was taken.
    #[inline]
    pub(crate) fn is_current(&self, snapshot: &SequenceSnapshot) -> bool {
        self.sum(snapshot) == snapshot.sum
    }

    /// Trusts the local tier until `until`, or longer if it already is.
    pub(crate) fn trust_until(&self, until: Moment) {
        self.trusted_until.fetch_max(until.0, Ordering::AcqRel);
    }

    /// Ends the lease.
    pub(crate) fn distrust(&self) {
        self.trusted_until.store(0, Ordering::Release);
    }

    /// Invalidates all local entries, in O(1).
    pub(crate) fn flush(&self) {
        self.flushes.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes a snapshot of the sequences of `scopes`. A fill must take it before it reads anything.
    pub(crate) fn snapshot(&self, scopes: impl IntoIterator<Item = ScopeHash>) -> SequenceSnapshot {
        let mut snapshot = SequenceSnapshot::default();
        for (slot, scope) in snapshot.stripes.iter_mut().zip(scopes) {
            *slot = stripe(scope);
            snapshot.count += 1;
        }
        snapshot.sum = self.sum(&snapshot);
        snapshot
    }

    /// Returns a current snapshot of the same scopes, for a fill without the sequence check.
    pub(crate) fn renewed(&self, mut snapshot: SequenceSnapshot) -> SequenceSnapshot {
        snapshot.sum = self.sum(&snapshot);
        snapshot
    }

    /// Invalidates every local entry of the scope.
    pub(crate) fn advance(&self, scope: &Scope) {
        self.advance_hash(scope.hash());
    }

    pub(crate) fn advance_hash(&self, scope: ScopeHash) {
        self.stripes[usize::from(stripe(scope))].fetch_add(1, Ordering::AcqRel);
    }

    #[inline]
    fn sum(&self, snapshot: &SequenceSnapshot) -> u64 {
        let mut sum = self.flushes.load(Ordering::Acquire);
        for stripe in snapshot.stripes.iter().take(usize::from(snapshot.count)) {
            sum = sum.wrapping_add(self.stripes[usize::from(*stripe)].load(Ordering::Acquire));
        }
        sum
    }
}

/// Allocated on the heap: half a megabyte is too much for a stack.
fn stripes() -> Box<[AtomicU64; STRIPES]> {
    let stripes: Box<[AtomicU64]> = std::iter::repeat_with(AtomicU64::default).take(STRIPES).collect();
    stripes.try_into().expect("as many as were taken")
}

/// The low sixteen bits of the hash, which are as good as any others.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn stripe(scope: ScopeHash) -> u16 {
    (scope.0 % STRIPES as u64) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advance_of_any_scope_and_a_flush_invalidate_a_snapshot() {
        let freshness = Freshness::new();
        let scopes = [ScopeHash(1), ScopeHash(2), ScopeHash(3)];
        for scope in scopes {
            let snapshot = freshness.snapshot(scopes);
            assert!(freshness.is_current(&snapshot));
            freshness.advance_hash(ScopeHash(4));
            assert!(freshness.is_current(&snapshot), "a stranger's write");
            freshness.advance_hash(scope);
            assert!(!freshness.is_current(&snapshot));
        }
        let snapshot = freshness.snapshot(scopes);
        freshness.flush();
        assert!(!freshness.is_current(&snapshot));
    }

    #[test]
    fn a_degraded_snapshot_is_current_only_in_degraded_form_and_expires_like_any_other() {
        let freshness = Freshness::new();
        let snapshot = freshness.snapshot([ScopeHash(1)]).degraded();
        assert!(!freshness.is_current(&snapshot) && freshness.is_current(&snapshot.degraded()));
        freshness.advance_hash(ScopeHash(1));
        assert!(!freshness.is_current(&snapshot) && !freshness.is_current(&snapshot.degraded()));
    }

    #[test]
    fn trust_ends_by_expiry_and_by_revocation() {
        let freshness = Freshness::new();
        assert!(!freshness.is_trusted(Moment(0)));
        freshness.trust_until(Moment(10));
        freshness.trust_until(Moment(5));
        assert!(freshness.is_trusted(Moment(9)) && !freshness.is_trusted(Moment(10)));
        freshness.distrust();
        assert!(!freshness.is_trusted(Moment(1)));
    }
}
