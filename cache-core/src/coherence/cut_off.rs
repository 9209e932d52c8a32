//! Since when this instance cannot announce its writes, and when one of them may be acknowledged all the same.
//!
//! While a writer cannot reach the shared tier, others may still read there what the write has made old. They stop within a
//! lease: where the outage concerns them too, their heartbeats are not answered any more; where it concerns this instance's
//! invalidations only, the others see in the reply to a heartbeat that it has some to deliver. So a lease after the beginning
//! nobody reads what is old, provided that the outage has lasted until then. That is certain only if a probe that was sent
//! then is not answered: an outage may end just before, and the others go on as if there had been none. The model in
//! `tests/model` refutes a wait for the lease alone.

use std::time::Duration;

use crate::runtime::Moment;
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// What this instance knows of its own silence.
#[derive(Debug)]
pub(crate) struct CutOff(Mutex<State>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// The first announcement that failed, or the end of the connection; nothing while everything is delivered.
    since: Option<Moment>,
    /// When the attempt to connect, or the heartbeat, began that has not been answered yet.
    probe: Option<Moment>,
    /// When the last one began that failed.
    failed: Option<Moment>,
    /// Since when the replies to heartbeats show the others that there is something to deliver.
    shown: Option<Moment>,
}

/// Whether a write that is not delivered may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledgement {
    /// No other instance reads what it has made old.
    Now,
    /// Ask again at this moment, or when something has changed.
    NotBefore(Moment),
    /// Ask again when something has changed.
    Unknown,
}

impl CutOff {
    /// There is no connection yet.
    pub(crate) fn new(now: Moment) -> Self {
        Self(Mutex::new(State { since: Some(now), ..State::default() }))
    }

    /// An announcement failed, or the connection ended. An earlier beginning stays.
    pub(crate) fn begin(&self, now: Moment) {
        self.lock().since.get_or_insert(now);
    }

    /// Everything was delivered.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        (state.since, state.shown) = (None, None);
    }

    /// An attempt to connect, or a heartbeat, begins.
    pub(super) fn probe(&self, now: Moment) {
        self.lock().probe.get_or_insert(now);
    }

    /// It was answered; `pending` is whether the answer shows others that there is something to deliver.
    pub(super) fn answered(&self, now: Moment, pending: bool) {
        let mut state = self.lock();
        state.probe = None;
        state.shown = if pending { state.shown.or(Some(now)) } else { None };
    }

    /// The probe under way failed, or the connection ended.
    pub(super) fn failed(&self) {
        let mut state = self.lock();
        state.failed = state.probe.take().or(state.failed);
        state.shown = None;
    }

    /// Whether a write may be acknowledged, when others read for `span` after their last heartbeat and a probe that is not
    /// answered for `patience` is not answered at all.
    pub(crate) fn acknowledgement(&self, now: Moment, span: Duration, patience: Duration) -> Acknowledgement {
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn asked(cut_off: &CutOff, millis: u64) -> Acknowledgement {
        cut_off.acknowledgement(at(millis), SPAN, PATIENCE)
    }

    #[test]
    fn the_time_alone_acknowledges_nothing() {
        let cut_off = CutOff::new(at(100));
        assert_eq!(asked(&cut_off, 90_000), Acknowledgement::Unknown);
    }

    #[test]
    fn a_probe_that_began_after_the_lease_and_failed_does() {
        let cut_off = CutOff::new(at(100));
        cut_off.probe(at(1_099));
        cut_off.failed();
        assert_eq!(asked(&cut_off, 1_500), Acknowledgement::Unknown, "it began too early");
        cut_off.probe(at(1_100));
        assert_eq!(asked(&cut_off, 1_349), Acknowledgement::NotBefore(at(1_350)));
        cut_off.failed();
        assert_eq!(asked(&cut_off, 1_349), Acknowledgement::Now);
    }

    #[test]
    fn a_probe_that_is_not_answered_does_a_little_after_the_lease() {
        let cut_off = CutOff::new(at(100));
        cut_off.probe(at(400));
        assert_eq!(asked(&cut_off, 500), Acknowledgement::NotBefore(at(1_350)));
        assert_eq!(asked(&cut_off, 1_350), Acknowledgement::Now);
        cut_off.answered(at(1_351), false);
        assert_eq!(asked(&cut_off, 1_360), Acknowledgement::Unknown);
    }

    #[test]
    fn a_heartbeat_that_shows_it_does_a_lease_later() {
        let cut_off = CutOff::new(at(100));
        cut_off.answered(at(200), true);
        cut_off.answered(at(700), true);
        assert_eq!(asked(&cut_off, 1_199), Acknowledgement::NotBefore(at(1_200)));
        assert_eq!(asked(&cut_off, 1_200), Acknowledgement::Now);
        cut_off.failed();
        assert_eq!(asked(&cut_off, 1_200), Acknowledgement::Unknown, "the others may see nothing any more");
    }

    #[test]
    fn a_later_failure_does_not_prolong_it_and_a_delivery_ends_it() {
        let cut_off = CutOff::new(at(100));
        cut_off.begin(at(5_000));
        cut_off.probe(at(1_200));
        cut_off.failed();
        assert_eq!(asked(&cut_off, 5_000), Acknowledgement::Now);
        cut_off.end();
        cut_off.begin(at(6_000));
        assert_eq!(asked(&cut_off, 6_000), Acknowledgement::Unknown);
    }
}
