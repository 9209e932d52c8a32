//! Decides when a write that could not be announced may be acknowledged.
//!
//! While a writer cannot reach the shared tier, other instances may still read values there that the write has
//! replaced. They stop within a lease. If the outage affects them too, their heartbeats are no longer answered; if it
//! affects only the invalidations of this instance, the replies to their heartbeats show that it has some pending. One
//! lease after the outage began no instance reads a replaced value, provided that the outage has lasted until then.
//! Only an unanswered probe proves this: one that was sent at that time or later and failed, or one that is still
//! unanswered a little after that time. Time alone does not: the outage may end just before, and the other instances
//! then continue without having noticed it. The model in `tests/model` refutes a wait for the lease alone.

use std::time::Duration;

use crate::runtime::Moment;
use crate::runtime::sync::atomic::{AtomicBool, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// Tracks since when this instance has been unable to deliver invalidations.
#[derive(Debug)]
pub(crate) struct CutOff {
    state: Mutex<State>,
    /// Whether the supervisor has ended; nothing is delivered from then on.
    ///
    /// Outside of the lock, since a destructor sets it.
    closed: AtomicBool,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// When the first announcement failed or the connection ended; `None` while everything is delivered.
    since: Option<Moment>,
    /// When the heartbeat or connection attempt began that has no reply yet.
    probe: Option<Moment>,
    /// When the last failed probe began.
    failed: Option<Moment>,
    /// When heartbeat replies began to show the other members this instance's pending invalidations.
    shown: Option<Moment>,
}

/// Whether a write with an undelivered invalidation may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledgement {
    /// No other instance reads the value that the write replaced.
    Now,
    /// Check again at this moment, or when the state changes.
    NotBefore(Moment),
    /// Check again when the state changes.
    Unknown,
}

impl CutOff {
    /// Creates the state before the first connection.
    pub(crate) fn new(now: Moment) -> Self {
        let state = State { since: Some(now), ..State::default() };
        Self { state: Mutex::new(state), closed: AtomicBool::new(false) }
    }

    /// Records that an announcement failed or the connection ended, unless an outage is already recorded.
    pub(crate) fn begin(&self, now: Moment) {
        self.lock().since.get_or_insert(now);
    }

    /// Records that everything was delivered.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        (state.since, state.shown) = (None, None);
    }

    /// Records that a heartbeat is about to report that nothing is pending.
    ///
    /// The other instances may read because of it, so earlier failures prove nothing for later writes.
    pub(super) fn all_clear(&self, now: Moment) {
        let mut state = self.lock();
        (state.failed, state.shown) = (None, None);
        state.since = state.since.map(|_| now);
    }

    /// Records that the supervisor has ended; nothing is delivered from then on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Records that the supervisor has started again.
    pub(crate) fn reopen(&self, now: Moment) {
        *self.lock() = State { since: Some(now), ..State::default() };
        self.closed.store(false, Ordering::Release);
    }

    /// Records that a connection attempt or a heartbeat begins.
    pub(super) fn probe(&self, now: Moment) {
        self.lock().probe.get_or_insert(now);
    }

    /// Records that the probe was answered.
    ///
    /// `pending` is whether the heartbeat reported pending invalidations to the other members.
    pub(super) fn answered(&self, now: Moment, pending: bool) {
        let mut state = self.lock();
        state.probe = None;
        state.shown = if pending { state.shown.or(Some(now)) } else { None };
    }

    /// Records that the current probe failed or the connection ended.
    pub(super) fn failed(&self) {
        let mut state = self.lock();
        state.failed = state.probe.take().or(state.failed);
        state.shown = None;
    }

    /// Returns whether a write may be acknowledged.
    ///
    /// Other instances read for at most `span` after their last heartbeat. A probe without a reply for `patience`
    /// counts as unanswered.
    pub(crate) fn acknowledgement(&self, now: Moment, span: Duration, patience: Duration) -> Acknowledgement {
        if self.closed.load(Ordering::Acquire) {
            return Acknowledgement::Now;
        }
        let state = *self.lock();
        let Some(since) = state.since else { return Acknowledgement::Unknown };
        let due = since.after(span);
        if state.failed.is_some_and(|began| began >= due) {
            return Acknowledgement::Now;
        }
        let unanswered = state.probe.map(|began| began.max(due).after(patience));
        let shown = state.shown.map(|shown| shown.after(span));
        match unanswered.into_iter().chain(shown).min() {
            Some(at) if at <= now => Acknowledgement::Now,
            Some(at) => Acknowledgement::NotBefore(at),
            None => Acknowledgement::Unknown,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_millis(250);

    fn at(millis: u64) -> Moment {
        Moment(millis * 1_000_000)
    }

    fn acknowledgement(cut_off: &CutOff, millis: u64) -> Acknowledgement {
        cut_off.acknowledgement(at(millis), SPAN, PATIENCE)
    }

    #[test]
    fn elapsed_time_alone_acknowledges_nothing() {
        let cut_off = CutOff::new(at(100));
        assert_eq!(acknowledgement(&cut_off, 90_000), Acknowledgement::Unknown);
    }

    #[test]
    fn a_failed_probe_that_began_after_the_lease_acknowledges() {
        let cut_off = CutOff::new(at(100));
        cut_off.probe(at(1_099));
        cut_off.failed();
        assert_eq!(acknowledgement(&cut_off, 1_500), Acknowledgement::Unknown, "it began too early");
        cut_off.probe(at(1_100));
        assert_eq!(acknowledgement(&cut_off, 1_349), Acknowledgement::NotBefore(at(1_350)));
        cut_off.failed();
        assert_eq!(acknowledgement(&cut_off, 1_349), Acknowledgement::Now);
    }

    #[test]
    fn an_unanswered_probe_acknowledges_shortly_after_the_lease() {
        let cut_off = CutOff::new(at(100));
        cut_off.probe(at(400));
        assert_eq!(acknowledgement(&cut_off, 500), Acknowledgement::NotBefore(at(1_350)));
        assert_eq!(acknowledgement(&cut_off, 1_350), Acknowledgement::Now);
        cut_off.answered(at(1_351), false);
        assert_eq!(acknowledgement(&cut_off, 1_360), Acknowledgement::Unknown);
    }

    #[test]
    fn a_heartbeat_that_announces_pending_writes_acknowledges_one_lease_later() {
        let cut_off = CutOff::new(at(100));
        cut_off.answered(at(200), true);
        cut_off.answered(at(700), true);
        assert_eq!(acknowledgement(&cut_off, 1_199), Acknowledgement::NotBefore(at(1_200)));
        assert_eq!(acknowledgement(&cut_off, 1_200), Acknowledgement::Now);
        cut_off.failed();
        assert_eq!(acknowledgement(&cut_off, 1_200), Acknowledgement::Unknown, "the others may no longer see it");
    }

    #[test]
    fn a_later_failure_does_not_prolong_the_wait_and_a_delivery_resets_it() {
        let cut_off = CutOff::new(at(100));
        cut_off.begin(at(5_000));
        cut_off.probe(at(1_200));
        cut_off.failed();
        assert_eq!(acknowledgement(&cut_off, 5_000), Acknowledgement::Now);
        cut_off.end();
        cut_off.begin(at(6_000));
        assert_eq!(acknowledgement(&cut_off, 6_000), Acknowledgement::Unknown);
    }

    #[test]
    fn a_failure_before_a_delivery_proves_nothing_for_later_writes() {
        let cut_off = CutOff::new(at(100));
        cut_off.probe(at(1_200));
        cut_off.failed();
        cut_off.probe(at(1_300));
        cut_off.all_clear(at(1_300));
        assert_eq!(
            acknowledgement(&cut_off, 1_310),
            Acknowledgement::NotBefore(at(2_550)),
            "a lease after it, and the patience"
        );
    }

    #[test]
    fn nothing_waits_for_a_supervisor_that_has_ended() {
        let cut_off = CutOff::new(at(100));
        cut_off.end();
        cut_off.close();
        assert_eq!(acknowledgement(&cut_off, 101), Acknowledgement::Now);
    }
}
