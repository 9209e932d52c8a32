//! Freshness of local hits: the lease, and the local sequences of the scopes.
//!
//! A local hit asks two questions, which atomic loads answer: is the local tier trusted at this moment, and was no
//! *wide* scope of the entry (its method, or a prefix of its key) invalidated since its snapshot? An invalidation of the
//! entry's *own* scope removes it from the local tier, so no hit has to ask about that: a sequence per entry would be a
//! random cache line for each hit. A fill compares both kinds, and the local tier makes its check and its insertion one
//! step for the invalidations ([`tier::local`](crate::tier::local)).
//!
//! A method has a sequence of its own. Those of prefixes and own scopes are counters in tables of fixed size, indexed by
//! the hash of a scope: two scopes may share one, which costs a miss. Nothing here does I/O, and nothing is specific
//! to Redis.

#[cfg(test)]
pub(crate) mod probe;

use std::fmt;
use std::sync::{Arc, Weak};

use crate::protocol::{MAX_PREFIXES, Scope, ScopeHash};
use crate::runtime::Moment;
use crate::runtime::sync::atomic::{AtomicU64, Ordering};
use crate::runtime::sync::{PoisonError, RwLock};

/// The number of sequences of prefixes, and of own scopes.
///
/// Prefixes that share one invalidate each other's entries. Own scopes share one for the time of a load, since only
/// fills compare them. It is small for the exploration of interleavings, where each of thousands of runs creates them.
const COUNT: usize = if cfg!(all(test, shuttle)) { 1 << 4 } else { 1 << 15 };

/// The sequences of the wide scopes of an entry, as of before its value was read.
///
/// It keeps only their sum: sequences never decrease, so the sum is unchanged only if each of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    sum: u64,
    prefixes: [u16; MAX_PREFIXES],
}

/// The sequences of all scopes of an entry, which a fill takes before it reads anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SequenceSnapshot {
    own_scope: ScopeHash,
    own: u64,
    stamp: Stamp,
    prefixes: usize,
    clocks: Clocks,
}

/// The clocks of the families from which the entry's value takes tags, and the sum of their sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Clocks {
    sum: u64,
    families: [u8; MAX_PREFIXES],
    count: usize,
}

/// The number of clocks. Families that share one only make a fill of each other's entries fail now and then.
const CLOCKS: usize = 64;

/// The bit in the sums of entries that were loaded without trust. Counting never reaches it.
const DEGRADED: u64 = 1 << 63;

impl Stamp {
    /// Converts between the stamps of normal and degraded entries.
    ///
    /// A normal entry is current only while the local tier is trusted, and a degraded one only while it is not.
    #[must_use]
    pub(crate) fn degraded(mut self) -> Self {
        self.sum ^= DEGRADED;
        self
    }
}

impl SequenceSnapshot {
    /// The stamp of an entry that is filled under this snapshot.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The same for an entry whose value has no tags after all.
    #[must_use]
    pub(crate) fn without_clocks(self) -> Self {
        Self { clocks: Clocks::default(), ..self }
    }

    /// Whether the entry's own scope was invalidated exactly once between the other snapshot and this one.
    pub(crate) fn is_next_of(&self, before: &Self) -> bool {
        self.own == before.own.wrapping_add(1)
    }

    /// The entry's own scope.
    pub(crate) fn own_scope(&self) -> ScopeHash {
        self.own_scope
    }
}

/// The local entries of one read method, as invalidations reach them. None of these operations waits for more than a
/// lock that is held for moments.
pub(crate) trait MethodEntries: Send + Sync {
    /// Whether this is the scope of the whole method, or of a family of its tags.
    fn is_in(&self, scope: ScopeHash) -> bool;

    /// The number of invalidations of all entries.
    fn sequence(&self) -> u64;

    /// Invalidates all entries, in O(1).
    fn invalidate_all(&self);

    /// Removes the entries of an own scope.
    fn remove(&self, scope: ScopeHash);
}

/// Decides whether the local tier may answer.
pub(crate) struct Freshness {
    /// The end of the lease, in nanoseconds of the process clock; 0 while there is none.
    trusted_until: AtomicU64,
    /// The length is part of the type, so that an index needs no bounds check.
    prefixes: Box<[AtomicU64; COUNT]>,
    own: Box<[AtomicU64; COUNT]>,
    /// The number of invalidations of tags, by the hash of their family; the last one counts scopes without a name.
    clocks: Box<[AtomicU64; CLOCKS + 1]>,
    methods: RwLock<Arc<[Weak<dyn MethodEntries>]>>,
}

impl fmt::Debug for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Freshness").field("trusted_until", &self.trusted_until).finish_non_exhaustive()
    }
}

impl Freshness {
    pub(crate) fn new() -> Self {
        Self {
            trusted_until: AtomicU64::new(0),
            prefixes: sequences(),
            own: sequences(),
            clocks: Box::new([const { AtomicU64::new(0) }; CLOCKS + 1]),
            methods: RwLock::new(Arc::new([])),
        }
    }

    /// Adds the local entries of a read method, which must be empty. They are forgotten when they are dropped.
    pub(crate) fn add(&self, entries: Weak<dyn MethodEntries>) {
        let mut methods = self.methods.write().unwrap_or_else(PoisonError::into_inner);
        let others = methods.iter().filter(|entries| entries.strong_count() > 0).cloned();
        *methods = others.chain([entries]).collect();
    }

    /// Whether the local tier may answer at all.
    #[inline]
    pub(crate) fn is_trusted(&self, now: Moment) -> bool {
        now.0 < self.trusted_until.load(Ordering::Acquire)
    }

    /// Whether no wide scope of the entry with this stamp was invalidated since.
    ///
    /// `method` is the sequence of its method, and `prefixes` the number of its prefixes.
    #[inline]
    pub(crate) fn is_current(&self, method: u64, prefixes: usize, stamp: &Stamp) -> bool {
        self.sum(method, prefixes, stamp.prefixes) == stamp.sum
    }

    /// Whether no scope of the snapshot was invalidated since it was taken. `method` is the sequence of its method.
    pub(crate) fn permits(&self, method: u64, snapshot: &SequenceSnapshot) -> bool {
        self.is_current(method, snapshot.prefixes, &snapshot.stamp)
            && self.own(snapshot.own_scope) == snapshot.own
            && self.sum_of_clocks(&snapshot.clocks) == snapshot.clocks.sum
    }

    /// Trusts the local tier until `until`, or longer if it already is.
    pub(crate) fn trust_until(&self, until: Moment) {
        self.trusted_until.fetch_max(until.0, Ordering::AcqRel);
    }

    /// Ends the lease.
    pub(crate) fn distrust(&self) {
        self.trusted_until.store(0, Ordering::Release);
    }

    /// Invalidates all local entries. It takes the same time for any number of them.
    pub(crate) fn flush(&self) {
        self.each_method(|method| method.invalidate_all());
    }

    /// Takes a snapshot of the sequences of an entry's scopes. A fill must take it before it reads anything.
    ///
    /// `method` is the sequence of its method.
    pub(crate) fn snapshot(
        &self,
        method: u64,
        own_scope: ScopeHash,
        prefixes: impl IntoIterator<Item = ScopeHash>,
    ) -> SequenceSnapshot {
        let (mut stamp, mut count) = (Stamp::default(), 0);
        for (slot, scope) in stamp.prefixes.iter_mut().zip(prefixes) {
            *slot = index(scope);
            count += 1;
        }
        self.renewed(method, SequenceSnapshot { own_scope, own: 0, stamp, prefixes: count, clocks: Clocks::default() })
    }

    /// Adds the clocks of these families to a snapshot, for an entry that takes tags from its value.
    pub(crate) fn with_clocks(
        &self,
        mut snapshot: SequenceSnapshot,
        families: impl IntoIterator<Item = ScopeHash>,
    ) -> SequenceSnapshot {
        for (slot, family) in snapshot.clocks.families.iter_mut().zip(families) {
            *slot = clock_index(family);
            snapshot.clocks.count += 1;
        }
        snapshot.clocks.sum = self.sum_of_clocks(&snapshot.clocks);
        snapshot
    }

    /// Adds the `count` tags that the value determines to a snapshot, with their present sequences.
    ///
    /// The snapshot is from before the value was read, and the sequences are from after that. They count for the entry
    /// all the same if the clock of the family has not advanced in between, which [`permits`](Self::permits) checks:
    /// the clock advances before the sequence of a tag does. A value without all of its tags, such as an absence, takes
    /// the first sequence in place of a missing one.
    pub(crate) fn tagged(
        &self,
        mut snapshot: SequenceSnapshot,
        tags: impl IntoIterator<Item = ScopeHash>,
        count: usize,
    ) -> SequenceSnapshot {
        let tags = tags.into_iter().chain(std::iter::repeat(ScopeHash(0))).take(count);
        for (slot, tag) in snapshot.stamp.prefixes[snapshot.prefixes..].iter_mut().zip(tags) {
            *slot = index(tag);
            let sequence = self.prefixes[usize::from(*slot)].load(Ordering::Acquire);
            snapshot.stamp.sum = snapshot.stamp.sum.wrapping_add(sequence);
            snapshot.prefixes += 1;
        }
        snapshot
    }

    fn sum_of_clocks(&self, clocks: &Clocks) -> u64 {
        if clocks.count == 0 {
            return 0;
        }
        let of_families = clocks.families[..clocks.count].iter().map(|at| usize::from(*at));
        let sequences = of_families.chain([CLOCKS]).map(|at| self.clocks[at].load(Ordering::Acquire));
        sequences.fold(0, u64::wrapping_add)
    }

    /// The number of invalidations of tags of these families.
    pub(crate) fn clock(&self, families: impl IntoIterator<Item = ScopeHash>) -> u64 {
        let of_families = families.into_iter().map(|family| usize::from(clock_index(family)));
        of_families.chain([CLOCKS]).map(|at| self.clocks[at].load(Ordering::Acquire)).fold(0, u64::wrapping_add)
    }

    /// Takes the sequence of the entry's own scope again, for a write that has invalidated it itself.
    pub(crate) fn with_own(&self, snapshot: SequenceSnapshot) -> SequenceSnapshot {
        SequenceSnapshot { own: self.own(snapshot.own_scope), ..snapshot }
    }

    /// Returns a current snapshot of the same scopes, for a fill without the sequence check.
    pub(crate) fn renewed(&self, method: u64, mut snapshot: SequenceSnapshot) -> SequenceSnapshot {
        snapshot.own = self.own(snapshot.own_scope);
        snapshot.stamp.sum = self.sum(method, snapshot.prefixes, snapshot.stamp.prefixes);
        snapshot
    }

    /// Invalidates every local entry of the scope.
    pub(crate) fn advance(&self, scope: &Scope) {
        self.advance_clock(scope.name().as_bytes());
        self.advance_hash(scope.hash(), scope.is_wide());
    }

    /// Invalidates every local entry of the scope with this name.
    pub(crate) fn advance_name(&self, name: &[u8]) {
        self.advance_clock(name);
        self.advance_hash(ScopeHash::of_name(name), Scope::is_wide_name(name));
    }

    /// Invalidates every local entry of a scope that may be of either kind.
    pub(crate) fn advance_any(&self, scope: ScopeHash) {
        self.clocks[CLOCKS].fetch_add(1, Ordering::AcqRel);
        self.own[usize::from(index(scope))].fetch_add(1, Ordering::AcqRel);
        self.prefixes[usize::from(index(scope))].fetch_add(1, Ordering::AcqRel);
        self.each_method(|method| {
            method.remove(scope);
            if method.is_in(scope) {
                method.invalidate_all();
            }
        });
    }

    /// Advances the clock of the family if this is the name of a tag's scope.
    fn advance_clock(&self, name: &[u8]) {
        if let Some(family) = Scope::tag_family_of(name) {
            self.clocks[usize::from(clock_index(ScopeHash::of_name(family)))].fetch_add(1, Ordering::AcqRel);
        }
    }

    fn advance_hash(&self, scope: ScopeHash, is_wide: bool) {
        if is_wide { self.advance_wide(scope) } else { self.advance_own(scope) }
    }

    /// Invalidates every local entry of a method or a prefix. It takes the same time for any number of them.
    pub(crate) fn advance_wide(&self, scope: ScopeHash) {
        self.prefixes[usize::from(index(scope))].fetch_add(1, Ordering::AcqRel);
        self.each_method(|method| {
            if method.is_in(scope) {
                method.invalidate_all();
            }
        });
    }

    /// The sequence advances before the entry is removed: a fill that sees neither would leave an outdated entry.
    fn advance_own(&self, scope: ScopeHash) {
        self.own[usize::from(index(scope))].fetch_add(1, Ordering::AcqRel);
        self.each_method(|method| method.remove(scope));
    }

    fn each_method(&self, mut each: impl FnMut(&dyn MethodEntries)) {
        // Not under the lock: a removal runs the destructors of values, which may invalidate or create a region.
        let methods = Arc::clone(&self.methods.read().unwrap_or_else(PoisonError::into_inner));
        for entries in methods.iter().filter_map(Weak::upgrade) {
            each(&*entries);
        }
    }

    /// The number of invalidations of a scope, or of scopes that share its sequence.
    pub(crate) fn sequence(&self, scope: &Scope) -> u64 {
        let sequences = if scope.is_wide() { &self.prefixes } else { &self.own };
        sequences[usize::from(index(scope.hash()))].load(Ordering::Acquire)
    }

    fn own(&self, scope: ScopeHash) -> u64 {
        self.own[usize::from(index(scope))].load(Ordering::Acquire)
    }

    #[inline]
    fn sum(&self, method: u64, prefixes: usize, stamped: [u16; MAX_PREFIXES]) -> u64 {
        if prefixes == 0 { method } else { self.sum_of_prefixes(method, prefixes, stamped) }
    }

    /// Out of line: most methods have no prefix.
    #[inline(never)]
    fn sum_of_prefixes(&self, method: u64, prefixes: usize, stamped: [u16; MAX_PREFIXES]) -> u64 {
        let sequences =
            stamped.iter().take(prefixes).map(|at| self.prefixes[usize::from(*at) % COUNT].load(Ordering::Acquire));
        sequences.fold(method, u64::wrapping_add)
    }
}

/// Allocated on the heap: hundreds of kilobytes are too much for a stack.
fn sequences() -> Box<[AtomicU64; COUNT]> {
    let sequences: Box<[AtomicU64]> = std::iter::repeat_with(AtomicU64::default).take(COUNT).collect();
    sequences.try_into().expect("as many as were taken")
}

#[expect(clippy::cast_possible_truncation, reason = "it is less than 64")]
fn clock_index(family: ScopeHash) -> u8 {
    (family.0 % CLOCKS as u64) as u8
}

/// The low bits of the hash, which are as good as any others.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn index(scope: ScopeHash) -> u16 {
    (scope.0 % COUNT as u64) as u16
}

#[cfg(test)]
mod tests {
    use super::probe::Probe;
    use super::*;

    const OWN: ScopeHash = ScopeHash(1);
    const METHOD: ScopeHash = ScopeHash(2);
    const PREFIX: ScopeHash = ScopeHash(3);

    #[test]
    fn an_advance_of_any_scope_and_a_flush_invalidate_a_snapshot() {
        let freshness = Freshness::new();
        let method = Probe::on(&freshness, METHOD);
        let advances: [fn(&Freshness); 5] = [
            |freshness| freshness.advance_own(OWN),
            |freshness| freshness.advance_wide(METHOD),
            |freshness| freshness.advance_wide(PREFIX),
            |freshness| freshness.advance_any(PREFIX),
            Freshness::flush,
        ];
        for advance in advances {
            let snapshot = freshness.snapshot(method.sequence(), OWN, [PREFIX]);
            let permits = || freshness.permits(method.sequence(), &snapshot);
            freshness.advance_any(ScopeHash(4));
            freshness.advance_wide(OWN);
            assert!(permits(), "a stranger's write");
            advance(&freshness);
            assert!(!permits());
            assert!(freshness.permits(method.sequence(), &freshness.renewed(method.sequence(), snapshot)));
        }
    }

    #[test]
    fn the_name_of_a_scope_determines_its_kind() {
        let freshness = Freshness::new();
        let hash = |name: &str| ScopeHash::of_name(name.as_bytes());
        let method = Probe::on(&freshness, hash("ns:e:*"));
        let advances: [fn(&Freshness, &str); 2] = [
            |freshness, name| freshness.advance_name(name.as_bytes()),
            |freshness, name| freshness.advance(&Scope::new(name)),
        ];
        for (name, advance) in ["ns:e:1", "ns:e:*"].into_iter().flat_map(|name| advances.map(|advance| (name, advance)))
        {
            let before = freshness.snapshot(method.sequence(), hash("ns:e:1"), []);
            advance(&freshness, name);
            assert!(!freshness.permits(method.sequence(), &before), "{name}");
        }
        assert_eq!(method.removed(), [hash("ns:e:1"); 2]);
    }

    #[test]
    fn every_method_removes_the_entries_of_an_own_scope() {
        let freshness = Freshness::new();
        let methods = [METHOD, ScopeHash(5)].map(|scope| Probe::on(&freshness, scope));
        freshness.advance_own(OWN);
        freshness.advance_wide(METHOD);
        freshness.advance_any(PREFIX);
        for method in &methods {
            assert_eq!(method.removed(), [OWN, PREFIX]);
        }
        assert_eq!(methods.each_ref().map(|method| method.sequence()), [1, 0]);
        drop(methods);
        drop(Probe::on(&freshness, METHOD));
        assert_eq!(freshness.methods.read().unwrap().len(), 1, "dropped methods are forgotten");
    }

    #[test]
    fn a_degraded_stamp_is_current_only_in_degraded_form_and_expires_like_any_other() {
        let freshness = Freshness::new();
        let stamp = freshness.snapshot(7, OWN, []).stamp();
        let is_current = |method: u64, stamp: Stamp| freshness.is_current(method, 0, &stamp);
        assert!(!is_current(7, stamp.degraded()) && is_current(7, stamp.degraded().degraded()));
        assert!(!is_current(8, stamp) && !is_current(8, stamp.degraded()));
    }

    #[test]
    fn a_tag_of_a_value_counts_from_the_snapshot_by_the_clock_of_its_family() {
        let freshness = Freshness::new();
        let method = Probe::on(&freshness, METHOD);
        let [tag, other, stranger] = ["ns:%tuser:1:*", "ns:%tuser:2:*", "ns:%tteam:1:*"].map(Scope::new);
        let family = tag.tag_clock_name().unwrap();
        let begin = || freshness.with_clocks(freshness.snapshot(method.sequence(), OWN, []), [family]);
        let permits = |snapshot: &SequenceSnapshot| freshness.permits(method.sequence(), snapshot);

        let undisturbed = begin();
        freshness.advance(&stranger);
        let filled = freshness.tagged(undisturbed, [tag.hash()], 2);
        assert!(permits(&filled), "another family");
        let overtaken = begin();
        freshness.advance(&other);
        assert!(!permits(&freshness.tagged(overtaken, [tag.hash()], 2)), "the family's clock has moved");

        let is_current = |snapshot: &SequenceSnapshot| freshness.is_current(method.sequence(), 2, &snapshot.stamp());
        assert!(is_current(&filled), "the entry that was filled before carries another tag");
        freshness.advance_name(tag.name().as_bytes());
        assert!(!is_current(&filled));
        assert!(freshness.clocks.iter().any(|clock| clock.load(Ordering::Relaxed) > 0));
        let unknown = begin();
        freshness.advance_any(ScopeHash(77));
        assert!(!permits(&freshness.tagged(unknown, [tag.hash()], 2)), "a scope without a name may be a tag");
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
