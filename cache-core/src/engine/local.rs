//! Reads and fills of a region's local tier.
//!
//! A local hit takes no allocation, no system call and no lock of this crate, unless it starts a refresh. Two questions decide it: is the local
//! tier trusted at this moment (a heartbeat within the lease), and was no wide scope of the entry invalidated since its
//! look-up began? Without trust, only entries that were loaded without trust answer, and only for `degraded_ttl`.
//!
//! Invariants: an entry whose wide scopes were invalidated may be stored, and is never returned. One whose own scope was
//! invalidated is removed, and not stored again.

use std::sync::Arc;
use std::time::Duration;

use super::method::Method;
use super::shared::{FillPermit, FillTarget};
use super::trace;
use crate::coherence::Coherence;
use crate::freshness::{MethodEntries as _, SequenceSnapshot, Stamp};
use crate::key::{KeyPart, Lookup};
use crate::observability::Counters;
use crate::policy::{LocalCapacity, Staleness};
use crate::protocol::{Mode, Protection};
use crate::runtime::{Clock, Moment, Tasks};
use crate::single_flight::Source;
use crate::tier::local::{EndOfLife, LocalEntry, LocalTier, Placing};
use crate::value::Cacheable;

/// What the local tier answers to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum LocalRead<R> {
    /// The value answers the read, which is complete.
    Fresh(R),
    /// The value answers the read, and the engine has work to do for it.
    ///
    /// Boxed, so that this type has the layout of the value, and a hit need not move it.
    Revisit(Box<Revisit<R>>),
    /// The local tier does not answer.
    Miss,
}

/// A value that answers a read, and what there is to do for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revisit<R> {
    pub(crate) value: R,
    pub(super) work: Work,
}

/// What there is to do for a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// It is sampled, and checked against the store.
    Verify,
    /// It is old enough to be refreshed.
    Refresh,
}

/// The age of an entry, by the options of its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Young,
    /// It is to be refreshed.
    Due,
    /// Its life has ended, and it answers while it is loaded again.
    Stale,
}

/// The end of a local entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// That of the value's life.
    OfLife(Moment),
    /// That of the entry, which may be earlier.
    OfEntry(Moment),
}

/// The end of an entry's life, and the moment after which the local tier must not have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) life: Moment,
    pub(super) limit: Moment,
}

/// The local tier of one read method, and what decides whether it may answer.
///
/// It has handles of its own for what a hit needs, although `method` has them too: a hit then follows fewer pointers.
pub(super) struct Local<K, R> {
    /// `None` if it is off.
    tier: Option<Arc<LocalTier<K, R>>>,
    /// The same, unless a hit has to use its entry: so a hit of any other method does not ask whether it has to.
    unused: Option<Arc<LocalTier<K, R>>>,
    coherence: Arc<Coherence>,
    clock: Clock,
    counters: Arc<Counters>,
    method: Arc<Method<R>>,
}

/// A value that the local tier returned.
pub(super) struct LocalHit<R> {
    pub(super) value: R,
    absent: bool,
    /// Whether this is a degraded hit: the shared tier was unreachable.
    degraded: bool,
    pub(super) age: Age,
}

impl<R> LocalHit<R> {
    pub(super) fn source(&self) -> Source {
        if self.degraded { Source::Degraded } else { Source::Local }
    }
}

impl<K: KeyPart, R: Cacheable> Local<K, R> {
    pub(super) fn new(method: &Arc<Method<R>>, tier: Option<Arc<LocalTier<K, R>>>) -> Self {
        Self {
            unused: tier.clone().filter(|tier| !tier.has_idle_entries()),
            tier,
            coherence: Arc::clone(&method.cache.0.coherence),
            clock: method.process().clock.clone(),
            counters: Arc::clone(&method.counters),
            method: Arc::clone(method),
        }
    }

    /// Finds an entry that may answer a read. Does not count a hit.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "otherwise the boxed future of a `dyn` read makes a call of it, and a hit 30 instructions dearer"
    )]
    pub(super) fn find<L: Lookup<K>>(&self, key: &L) -> Option<LocalHit<R>> {
        let now = self.trusted_now()?;
        let tier = self.unused.as_ref()?;
        self.current(tier, tier.get(key), now)
    }

    /// Finds an entry by its owned key, by any of the ways. Does not count a hit.
    pub(super) fn find_owned(&self, key: &K) -> Option<LocalHit<R>> {
        self.find(&key).or_else(|| self.find_otherwise(&key))
    }

    /// Finds an entry that [`find`](Self::find) does not: one that a hit has to use, or one that was loaded without
    /// trust and has not expired, while there is none.
    #[cold]
    pub(super) fn find_otherwise<L: Lookup<K>>(&self, key: &L) -> Option<LocalHit<R>> {
        let (tier, now) = (self.tier.as_ref()?, self.clock.now());
        if !self.coherence.freshness.is_trusted(now) {
            return self.degraded(tier, tier.get_in_use(key, now)?, now);
        }
        let found = if tier.has_idle_entries() { tier.get_in_use(key, now) } else { None };
        self.current(tier, found, now)
    }

    /// Returns the value of an entry that was loaded without trust, unless it has expired.
    fn degraded(&self, tier: &LocalTier<K, R>, entry: LocalEntry<R>, now: Moment) -> Option<LocalHit<R>> {
        let LocalEntry { value, end, stamp } = entry;
        let is_alive = !end.is_over(now) && self.is_current(tier, &stamp.degraded());
        is_alive.then_some(LocalHit { value, absent: end.is_absent(), degraded: true, age: Age::Young })
    }

    /// Returns the current time if the local tier is trusted.
    #[inline]
    fn trusted_now(&self) -> Option<Moment> {
        let now = self.clock.now();
        self.coherence.freshness.is_trusted(now).then_some(now)
    }

    /// Returns the value, unless the entry has expired or one of its wide scopes was invalidated.
    #[inline]
    fn current(&self, tier: &LocalTier<K, R>, found: Option<LocalEntry<R>>, now: Moment) -> Option<LocalHit<R>> {
        // Checked in place: the compiler would load the whole stamp of an entry that is moved first.
        let entry = found.as_ref()?;
        if !self.is_current(tier, &entry.stamp) && self.method.protects(Protection::StaleFence) {
            return None;
        }
        let age = if entry.end.is_over(now) { self.age(entry.end, now)? } else { Age::Young };
        let LocalEntry { value, end, .. } = found?;
        Some(LocalHit { value, absent: end.is_absent(), degraded: false, age })
    }

    /// Returns the age of an entry that has reached its refresh, if it still answers.
    #[cold]
    fn age(&self, end: EndOfLife, now: Moment) -> Option<Age> {
        let (absent, life) = self.end_of_life(end)?;
        let answers_for = self.method.refreshes.answers_for(self.method.staleness(absent), now);
        let age = if now < life { Age::Due } else { Age::Stale };
        (now < life.after(answers_for)).then_some(age)
    }

    /// Calls `visit` with the key of each entry that has not expired, in any order. It does not count as a use.
    ///
    /// Whether the tier is trusted, and whether a wide scope of an entry was invalidated, is not asked: both concern the
    /// value, and not whether the key is in use.
    #[cfg(feature = "json")]
    pub(super) fn visit_keys(&self, visit: impl FnMut(K)) {
        let now = self.clock.now();
        let answers = |end: EndOfLife| !end.is_over(now) || self.age(end, now).is_some();
        if let Some(tier) = &self.tier {
            tier.visit_keys(now, answers, visit);
        }
    }

    /// Finds an entry by its owned key, degraded or not, with its end. Does not count a hit.
    pub(super) fn find_with_end(&self, key: &K) -> Option<(LocalHit<R>, End)> {
        let hit = self.find_owned(key)?;
        let end = self.tier.as_ref()?.get(&key)?.end;
        let end = self.end_of_life(end).map_or_else(|| End::OfEntry(end.moment()), |(_, life)| End::OfLife(life));
        Some((hit, end))
    }

    /// Returns the value of a current entry that may answer in place of an error of the store.
    pub(super) fn find_expired(&self, key: &K) -> Option<R> {
        let (now, tier) = (self.trusted_now()?, self.tier.as_ref()?);
        let entry = tier.get_in_use(&key, now).filter(|entry| self.is_current(tier, &entry.stamp))?;
        if !entry.end.is_over(now) {
            return Some(entry.value);
        }
        let (absent, life) = self.end_of_life(entry.end)?;
        (now < life.after(self.method.staleness(absent).if_error)).then_some(entry.value)
    }

    /// Whether no invalidation of the entry has arrived since the look-up of this permit.
    pub(super) fn has_not_seen(&self, permit: &FillPermit) -> bool {
        match &permit.target {
            FillTarget::Both { snapshot, .. } | FillTarget::Local(snapshot) => {
                // Without a local tier an invalidation of the whole method is not seen.
                let sequence = self.tier.as_ref().map_or(0, |tier| tier.sequence());
                self.coherence.freshness.permits(sequence, snapshot)
            }
            _ => true,
        }
    }

    /// Returns whether the value is an absence, and when its life ends, unless the entry never answers after its moment.
    fn end_of_life(&self, end: EndOfLife) -> Option<(bool, Moment)> {
        let absent = end.is_absent();
        let lead = if end.is_unrefreshed() { Duration::ZERO } else { self.method.staleness(absent).lead };
        (!end.is_final()).then(|| (absent, end.moment().after(lead)))
    }

    #[inline]
    fn is_current(&self, tier: &LocalTier<K, R>, stamp: &Stamp) -> bool {
        self.coherence.freshness.is_current(tier.sequence(), tier.prefixes(), stamp)
    }

    /// Counts a hit, and returns its value for the caller.
    #[inline]
    pub(super) fn count(&self, hit: LocalHit<R>) -> R {
        trace::answered(hit.source());
        let LocalHit { value, absent, degraded, age } = hit;
        self.counters.local.add(absent);
        if age == Age::Stale {
            Counters::add(&self.counters.stale_hits);
        }
        if degraded {
            Counters::add(&self.counters.degraded_hits);
        }
        value
    }

    /// Stores a value, unless a scope was invalidated since `snapshot`.
    ///
    /// If a wide scope is invalidated concurrently, the entry may be stored, but its stamp prevents it from being
    /// returned. If its own scope is, the invalidation removes it.
    pub(super) fn keep(&self, key: K, value: R, snapshot: SequenceSnapshot, ends: Ends) {
        // The local tier is flushed when a member becomes silent, so a strict hit need not check.
        if self.method.policy.mode == Mode::Strict && self.coherence.membership.is_incomplete() {
            return;
        }
        let snapshot = self.checked(snapshot);
        let staleness = self.method.staleness(self.method.presence.is_absent(&value));
        self.put(key, value, snapshot, snapshot.stamp(), ends, staleness);
    }

    /// Without the sequence check, every snapshot is as good as a current one.
    fn checked(&self, snapshot: SequenceSnapshot) -> SequenceSnapshot {
        match &self.tier {
            Some(tier) if !self.method.protects(Protection::SequenceCheck) => {
                self.coherence.freshness.renewed(tier.sequence(), snapshot)
            }
            _ => snapshot,
        }
    }

    /// Stores a copy of a value from the shared tier.
    pub(super) fn keep_copy(&self, key: &K, value: &R, snapshot: SequenceSnapshot, ends: Ends) {
        if self.tier.is_some()
            && let Some(copy) = self.method.copy(value)
        {
            self.keep(key.clone(), copy, snapshot, ends);
        }
    }

    /// Stores a copy of a loaded value, if its permit allows it in the local tier.
    pub(super) fn fill(&self, key: K, value: &R, permit: &FillPermit, lifetime: Duration) {
        let life = permit.started.after(lifetime);
        let (snapshot, limit) = match &permit.target {
            FillTarget::Local(snapshot) => (*snapshot, Moment::NEVER),
            FillTarget::Both { snapshot, until, .. } => (*snapshot, *until),
            FillTarget::Degraded(snapshot) => {
                return self.keep_degraded(key, value, *snapshot, permit.started, lifetime);
            }
            FillTarget::Nothing | FillTarget::NothingDegraded => return,
        };
        self.keep_copy(&key, value, snapshot, Ends { life, limit });
    }

    /// Stores a value that was loaded at `started` while the shared tier was unreachable.
    ///
    /// No fence protects it: another instance may have been writing. Its stamp is therefore one that no trusted read
    /// accepts as current, and its lifetime, counted from before the load, bounds its staleness.
    fn keep_degraded(&self, key: K, value: &R, snapshot: SequenceSnapshot, started: Moment, lifetime: Duration) {
        let limit = self.method.process().settings.degraded_ttl;
        let is_allowed = self.method.policy.mode != Mode::Strict && !limit.is_zero();
        if is_allowed
            && self.tier.is_some()
            && let Some(copy) = self.method.copy(value)
        {
            let end = started.after(lifetime.min(limit));
            let ends = Ends { life: end, limit: end };
            self.put(key, copy, snapshot, snapshot.stamp().degraded(), ends, &Staleness::NONE);
        }
    }

    fn put(
        &self,
        key: K,
        value: R,
        snapshot: SequenceSnapshot,
        stamp: Stamp,
        Ends { life, limit }: Ends,
        staleness: &Staleness,
    ) {
        let Some(tier) = &self.tier else { return };
        let Some(weight) = self.method.weigh(&value) else { return self.refuse(tier, snapshot) };
        let now = self.clock.now();
        let limit = self.method.policy.local_ttl.map_or(limit, |ttl| limit.min(now.after(ttl)));
        let absent = self.method.presence.is_absent(&value);
        let last = life.after(staleness.kept());
        let due = life.checked_before(staleness.lead);
        let is_unrefreshed = self.method.is_refreshed_in_time_only(absent)
            && !staleness.lead.is_zero()
            && due.is_none_or(|due| due <= now);
        let due = if is_unrefreshed { Some(life) } else { due };
        // After the moment of an entry with a limit, reads ask for the shared entry, which has the whole life. So does an
        // entry whose refresh would be before the clock began.
        let is_final = limit < last || limit <= life || due.is_none();
        let moment = match due {
            Some(due) if !is_final || self.method.cache.has_remote() => due.min(limit),
            _ => life.min(limit),
        };
        let end = EndOfLife::new(moment, absent, is_final);
        let end = if is_unrefreshed { end.unrefreshed() } else { end };
        let remaining = last.min(limit).since(now);
        let permits = || self.coherence.freshness.permits(tier.sequence(), &snapshot);
        // Without the protection the check precedes the lock that orders fills and invalidations.
        let early = (!self.method.protects(Protection::LocalFillOrder)).then(permits);
        let check = || early.unwrap_or_else(permits);
        let placing = Placing { now, life: remaining, weight };
        tier.insert(snapshot.own_scope(), key, LocalEntry { value, end, stamp }, placing, check);
        if tier.sweeps(now) && Tasks::can_spawn() {
            let tier = Arc::clone(tier);
            let clock = self.clock.clone();
            self.method.process().tasks.spawn(async move { tier.sweep(clock.now()) });
        }
    }

    /// Counts a value that is too large for the tier or has no weight, and removes the value that it replaces.
    fn refuse(&self, tier: &LocalTier<K, R>, snapshot: SequenceSnapshot) {
        Counters::add(&self.counters.local_refused);
        tier.remove(snapshot.own_scope());
    }

    /// Returns the number of entries, including those that expired or whose wide scopes were invalidated.
    pub(super) fn len(&self) -> u64 {
        self.tier.as_ref().map_or(0, |tier| tier.len())
    }

    /// Returns the sum of their weights in bytes; `None` if the tier is bounded by entries.
    pub(super) fn weight(&self) -> Option<u64> {
        let is_weighed = matches!(self.method.policy.local_capacity, LocalCapacity::Bytes(_));
        self.tier.as_ref().filter(|_| is_weighed).map(|tier| tier.weight())
    }
}
