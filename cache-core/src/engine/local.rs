//! Reads and fills of a region's local tier.

use std::time::Duration;

use super::region::Region;
use super::user_code::guarded;
use super::witness;
use crate::coherence::Stamp;
use crate::flight::Source;
use crate::key::{KeyPart, Lookup};
use crate::observability::Counters;
use crate::policy::Mode;
use crate::runtime::Moment;
use crate::tier::local::{LocalEntry, LocalTier};
use crate::value::Cacheable;

/// A value that the local tier returned.
pub(super) struct LocalHit<R> {
    pub(super) value: R,
    pub(super) absent: bool,
    /// Whether this is a degraded hit: the shared tier was unreachable.
    degraded: bool,
}

impl<R> LocalHit<R> {
    pub(super) fn source(&self) -> Source {
        if self.degraded { Source::Degraded } else { Source::Local }
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the value, if the local tier has it and is trusted. Counts a hit.
    #[inline]
    pub fn local<L: Lookup<K>>(&self, key: &L) -> Option<R> {
        if self.is_drawn() {
            return None;
        }
        let Some(found) = self.find(key) else { return self.local_degraded(key, |_| true) };
        self.count(&found);
        Some(found.value)
    }

    /// Returns the value, if the local tier may answer and `visible` accepts it. Counts a hit.
    #[inline]
    pub fn local_if<L: Lookup<K>>(&self, key: &L, visible: impl FnOnce(&R) -> bool) -> Option<R> {
        let visible = |value: &R| guarded(self.0.head.text(), "visible_if", || visible(value)).unwrap_or(false);
        if self.is_drawn() {
            return None;
        }
        let Some(found) = self.find(key) else { return self.local_degraded(key, visible) };
        if !visible(&found.value) {
            return None;
        }
        self.count(&found);
        Some(found.value)
    }

    /// Returns the value, if the local tier may answer. Does not count a hit.
    pub fn peek<L: Lookup<K>>(&self, key: &L) -> Option<R> {
        let found = self.find(key).or_else(|| self.find_degraded(|local| local.get(key)));
        found.map(|found| found.value)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "otherwise the boxed future of a `dyn` read makes a call of it, and a hit 30 instructions dearer"
    )]
    fn find<L: Lookup<K>>(&self, key: &L) -> Option<LocalHit<R>> {
        let now = self.trusted_now()?;
        self.answer(self.0.local.get(key)?, now)
    }

    /// Finds an entry by its owned key, degraded or not. Does not count a hit.
    pub(super) fn find_owned(&self, key: &K) -> Option<LocalHit<R>> {
        let trusted = || self.answer(self.0.local.get_owned(key)?, self.trusted_now()?);
        trusted().or_else(|| self.find_degraded(|local| local.get_owned(key)))
    }

    /// Returns the current time if the local tier is trusted.
    #[inline]
    fn trusted_now(&self) -> Option<Moment> {
        let now = self.0.link.clock.now();
        self.0.link.gate.is_trusted(now).then_some(now)
    }

    /// Returns the value, unless the entry has expired or one of its scopes was invalidated.
    #[inline]
    fn answer(&self, entry: LocalEntry<R>, now: Moment) -> Option<LocalHit<R>> {
        // Destructured at once: an entry that is passed on whole is copied at every step.
        let LocalEntry { value, deadline, stamp, absent } = entry;
        let alive = now < deadline && self.0.link.gate.is_current(&stamp);
        alive.then_some(LocalHit { value, absent, degraded: false })
    }

    #[cold]
    fn local_degraded<L: Lookup<K>>(&self, key: &L, visible: impl FnOnce(&R) -> bool) -> Option<R> {
        let found = self.find_degraded(|local| local.get(key)).filter(|found| visible(&found.value))?;
        self.count(&found);
        Some(found.value)
    }

    /// Finds a degraded entry, which was loaded without trust and has not expired.
    fn find_degraded(&self, get: impl FnOnce(&LocalTier<K, R>) -> Option<LocalEntry<R>>) -> Option<LocalHit<R>> {
        let link = &self.0.link;
        let now = link.clock.now();
        if link.gate.is_trusted(now) {
            return None;
        }
        let LocalEntry { value, deadline, stamp, absent } = get(&self.0.local)?;
        let alive = now < deadline && link.gate.is_current(&stamp.degraded());
        alive.then_some(LocalHit { value, absent, degraded: true })
    }

    /// Counts a hit that is returned to a caller.
    #[inline]
    pub(super) fn count(&self, hit: &LocalHit<R>) {
        self.0.counters.local.add(hit.absent);
        if hit.degraded {
            Counters::add(&self.0.counters.degraded_hits);
        }
        witness::answered(hit.source());
    }

    /// Returns the number of local entries, including outdated ones that are not evicted yet.
    pub fn local_entries(&self) -> u64 {
        self.0.local.len()
    }

    /// Stores a value in the local tier, unless a scope was invalidated since the snapshot `stamp`.
    ///
    /// If a scope is invalidated concurrently, the entry may be stored, but its snapshot prevents it from being
    /// returned.
    pub(super) fn keep_local(&self, key: K, value: R, stamp: Stamp, deadline: Moment) {
        let stamp = self.checked(stamp);
        // The local tier is flushed when a member becomes silent, so a strict hit need not check.
        if self.0.policy.mode == Mode::Strict && self.0.link.membership.is_incomplete() {
            return;
        }
        if self.0.local.is_on() && self.0.link.gate.is_current(&stamp) {
            self.put_local(key, value, stamp, deadline);
        }
    }

    /// Stores a value that was loaded at `started` while the shared tier was unreachable.
    ///
    /// No fence protects it: another instance may have been writing. Its snapshot is therefore one that no trusted read
    /// accepts as current, and its lifetime, counted from before the load, bounds its staleness.
    pub(super) fn keep_degraded(&self, key: K, value: R, stamp: Stamp, started: Moment, life: Duration) {
        let limit = self.0.link.settings.degraded_ttl;
        let is_allowed = self.0.policy.mode != Mode::Strict && !limit.is_zero();
        if is_allowed && self.0.local.is_on() && self.0.link.gate.is_current(&stamp) {
            self.put_local(key, value, stamp.degraded(), started.after(life.min(limit)));
        }
    }

    fn put_local(&self, key: K, value: R, stamp: Stamp, deadline: Moment) {
        let now = self.0.link.clock.now();
        let deadline = match self.0.policy.local_ttl {
            Some(ttl) => deadline.min(now.after(ttl)),
            None => deadline,
        };
        let absent = self.0.presence.is_absent(&value);
        self.0.local.insert(key, LocalEntry { value, deadline, stamp, absent }, now);
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "the version for negative controls needs it")]
    fn checked(&self, stamp: Stamp) -> Stamp {
        stamp
    }

    /// Returns the snapshot; without the sequence check, a current one.
    #[cfg(feature = "testing")]
    fn checked(&self, stamp: Stamp) -> Stamp {
        match self.0.link.settings.weakness {
            crate::testing::Weakness::NoSequenceCheck => self.0.link.gate.renewed(stamp),
            _ => stamp,
        }
    }
}
