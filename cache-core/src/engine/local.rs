//! Reads and fills of a region's local tier.
//!
//! A local hit takes no allocation, no system call and no lock of this crate. Two questions decide it: is the local
//! tier trusted at this moment (a heartbeat within the lease), and was no scope of the entry invalidated since its
//! look-up began? Without trust, only entries that were loaded without trust answer, and only for `degraded_ttl`.
//!
//! Invariant: an entry whose snapshot of the scopes is outdated may be stored, and is never returned.

use std::sync::Arc;
use std::time::Duration;

use super::method::Method;
use super::shared::{FillPermit, FillTarget};
use super::trace;
use crate::coherence::Coherence;
use crate::freshness::SequenceSnapshot;
use crate::key::{KeyPart, Lookup};
use crate::observability::Counters;
use crate::protocol::{Backend, Mode, Protection};
use crate::runtime::{Clock, Moment};
use crate::single_flight::Source;
use crate::tier::local::{LocalEntry, LocalTier};
use crate::value::Cacheable;

/// What the local tier answers to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum LocalRead<R> {
    /// The value answers the read, which is complete.
    Fresh(R),
    /// The value answers the read, and the engine has work to do for it: the hit is sampled.
    ///
    /// Boxed, so that this type has the layout of the value, and a hit need not move it.
    Revisit(Box<R>),
    /// The local tier does not answer.
    Miss,
}

/// The local tier of one read method, and what decides whether it may answer.
///
/// It has handles of its own for what a hit needs, although `method` has them too: a hit then follows fewer pointers.
pub(super) struct Local<K, R> {
    tier: LocalTier<K, R>,
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
}

impl<R> LocalHit<R> {
    pub(super) fn source(&self) -> Source {
        if self.degraded { Source::Degraded } else { Source::Local }
    }
}

impl<K: KeyPart, R: Cacheable> Local<K, R> {
    pub(super) fn new(method: &Arc<Method<R>>) -> Self {
        let tier = match method.cache.backend() {
            Backend::PassThrough => LocalTier::off(),
            _ => LocalTier::new(&method.policy),
        };
        Self {
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
        self.current(self.tier.get(key), now)
    }

    /// Finds an entry by its owned key, degraded or not. Does not count a hit.
    pub(super) fn find_owned(&self, key: &K) -> Option<LocalHit<R>> {
        let trusted = || self.current(self.tier.get_owned(key), self.trusted_now()?);
        trusted().or_else(|| self.degraded(|tier| tier.get_owned(key)))
    }

    /// Finds a degraded entry, which was loaded without trust and has not expired.
    #[cold]
    pub(super) fn find_degraded<L: Lookup<K>>(&self, key: &L) -> Option<LocalHit<R>> {
        self.degraded(|tier| tier.get(key))
    }

    fn degraded(&self, get: impl FnOnce(&LocalTier<K, R>) -> Option<LocalEntry<R>>) -> Option<LocalHit<R>> {
        let now = self.clock.now();
        if self.coherence.freshness.is_trusted(now) {
            return None;
        }
        let LocalEntry { value, deadline, snapshot, absent } = get(&self.tier)?;
        let alive = now < deadline && self.coherence.freshness.is_current(&snapshot.degraded());
        alive.then_some(LocalHit { value, absent, degraded: true })
    }

    /// Returns the current time if the local tier is trusted.
    #[inline]
    fn trusted_now(&self) -> Option<Moment> {
        let now = self.clock.now();
        self.coherence.freshness.is_trusted(now).then_some(now)
    }

    /// Returns the value, unless the entry has expired or one of its scopes was invalidated.
    #[inline]
    fn current(&self, found: Option<LocalEntry<R>>, now: Moment) -> Option<LocalHit<R>> {
        // Checked in place: the compiler would load the whole snapshot of an entry that is moved first.
        let entry = found.as_ref()?;
        if now >= entry.deadline || !self.coherence.freshness.is_current(&entry.snapshot) {
            return None;
        }
        let LocalEntry { value, absent, .. } = found?;
        Some(LocalHit { value, absent, degraded: false })
    }

    /// Counts a hit that is returned to a caller.
    #[inline]
    pub(super) fn count(&self, hit: &LocalHit<R>) {
        self.counters.local.add(hit.absent);
        if hit.degraded {
            Counters::add(&self.counters.degraded_hits);
        }
        trace::answered(hit.source());
    }

    /// Stores a value, unless a scope was invalidated since `snapshot`.
    ///
    /// If a scope is invalidated concurrently, the entry may be stored, but its snapshot prevents it from being
    /// returned.
    pub(super) fn keep(&self, key: K, value: R, snapshot: SequenceSnapshot, deadline: Moment) {
        let freshness = &self.coherence.freshness;
        let snapshot =
            if self.method.protects(Protection::SequenceCheck) { snapshot } else { freshness.renewed(snapshot) };
        // The local tier is flushed when a member becomes silent, so a strict hit need not check.
        if self.method.policy.mode == Mode::Strict && self.coherence.membership.is_incomplete() {
            return;
        }
        if self.tier.is_on() && freshness.is_current(&snapshot) {
            self.put(key, value, snapshot, deadline);
        }
    }

    /// Stores a copy of a value from the shared tier.
    pub(super) fn keep_copy(&self, key: &K, value: &R, snapshot: SequenceSnapshot, deadline: Moment) {
        if self.tier.is_on()
            && let Some(copy) = self.method.copy(value)
        {
            self.keep(key.clone(), copy, snapshot, deadline);
        }
    }

    /// Stores a copy of a loaded value, if its permit allows it in the local tier.
    pub(super) fn fill(&self, key: K, value: &R, permit: &FillPermit, lifetime: Duration) {
        let deadline = permit.started.after(lifetime);
        let (snapshot, deadline) = match &permit.target {
            FillTarget::Local(snapshot) => (*snapshot, deadline),
            FillTarget::Both { snapshot, until, .. } => (*snapshot, deadline.min(*until)),
            FillTarget::Degraded(snapshot) => {
                return self.keep_degraded(key, value, *snapshot, permit.started, lifetime);
            }
            FillTarget::Nothing | FillTarget::NothingDegraded => return,
        };
        self.keep_copy(&key, value, snapshot, deadline);
    }

    /// Stores a value that was loaded at `started` while the shared tier was unreachable.
    ///
    /// No fence protects it: another instance may have been writing. Its snapshot is therefore one that no trusted read
    /// accepts as current, and its lifetime, counted from before the load, bounds its staleness.
    fn keep_degraded(&self, key: K, value: &R, snapshot: SequenceSnapshot, started: Moment, lifetime: Duration) {
        let limit = self.method.process().settings.degraded_ttl;
        let is_allowed = self.method.policy.mode != Mode::Strict && !limit.is_zero();
        if is_allowed
            && self.tier.is_on()
            && self.coherence.freshness.is_current(&snapshot)
            && let Some(copy) = self.method.copy(value)
        {
            self.put(key, copy, snapshot.degraded(), started.after(lifetime.min(limit)));
        }
    }

    fn put(&self, key: K, value: R, snapshot: SequenceSnapshot, deadline: Moment) {
        let now = self.clock.now();
        let deadline = match self.method.policy.local_ttl {
            Some(ttl) => deadline.min(now.after(ttl)),
            None => deadline,
        };
        let absent = self.method.presence.is_absent(&value);
        self.tier.insert(key, LocalEntry { value, deadline, snapshot, absent }, now);
    }

    /// Returns the number of entries, including outdated ones that are not evicted yet.
    pub(super) fn len(&self) -> u64 {
        self.tier.len()
    }
}
