//! The local tier of a region: what it answers, and what is put into it.

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

/// What the local tier answers.
pub(super) struct LocalHit<R> {
    pub(super) value: R,
    pub(super) absent: bool,
    /// Whether the shared tier was out of reach, so that the entry answers for a short time without news.
    degraded: bool,
}

impl<R> LocalHit<R> {
    pub(super) fn source(&self) -> Source {
        if self.degraded { Source::Degraded } else { Source::Local }
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// The value, if the local tier may answer. Counted as a hit.
    #[inline]
    pub fn local<L: Lookup<K>>(&self, key: &L) -> Option<R> {
        if self.is_drawn() {
            return None;
        }
        let Some(found) = self.find(key) else { return self.local_degraded(key, |_| true) };
        self.count(&found);
        Some(found.value)
    }

    /// The value, if the local tier may answer and `visible` agrees. Counted as a hit.
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

    /// The value, if the local tier may answer. Not counted.
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

    /// The same by an owned key, and whether the shared tier is in reach or not. Not counted.
    pub(super) fn find_owned(&self, key: &K) -> Option<LocalHit<R>> {
        let trusted = || self.answer(self.0.local.get_owned(key)?, self.trusted_now()?);
        trusted().or_else(|| self.find_degraded(|local| local.get_owned(key)))
    }

    /// The time, while the local tier may answer at all.
    #[inline]
    fn trusted_now(&self) -> Option<Moment> {
        let now = self.0.link.clock.now();
        self.0.link.gate.is_trusted(now).then_some(now)
    }

    /// What an entry answers, if it has life left and nothing that it belongs to was invalidated.
    #[inline]
    fn answer(&self, entry: LocalEntry<R>, now: Moment) -> Option<LocalHit<R>> {
        // Taken apart at once: an entry that is handed on whole is copied at every step.
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

    /// While nothing local is trusted: what was loaded since then and is not too old to answer without news.
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

    /// Counts a hit that is answered.
    #[inline]
    pub(super) fn count(&self, hit: &LocalHit<R>) {
        self.0.counters.local.add(hit.absent);
        if hit.degraded {
            Counters::add(&self.0.counters.degraded_hits);
        }
        witness::answered(hit.source());
    }

    /// How many entries the local tier keeps, with those that are out of date and not evicted yet.
    pub fn local_entries(&self) -> u64 {
        self.0.local.len()
    }

    /// Puts a value into the local tier, unless one of its scopes was invalidated since the stamp was taken. One that
    /// is invalidated at this very moment is put there and never answered: the stamp tells.
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

    /// Puts a value there that was loaded at `started` while the shared tier was out of reach.
    ///
    /// Nothing fences it: a write elsewhere may have been under way. So its stamp is one that no trusted look-up takes
    /// for current, and its life, counted from before its load, is the bound of its staleness.
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

    /// The stamp; without the check of the sequences, the one of this moment.
    #[cfg(feature = "testing")]
    fn checked(&self, stamp: Stamp) -> Stamp {
        match self.0.link.settings.weakness {
            crate::testing::Weakness::NoSequenceCheck => self.0.link.gate.renewed(stamp),
            _ => stamp,
        }
    }
}
