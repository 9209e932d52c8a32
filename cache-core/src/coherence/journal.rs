//! The invalidation journal: invalidations that Redis has not executed yet.
//!
//! A scope leaves it when Redis has executed its invalidation, and until then this instance does not read the scope
//! from the shared tier. The journal is in memory: if the process ends first, the entries' time to live is the bound.

use std::collections::HashMap;

use crate::protocol::Scope;
use crate::runtime::sync::atomic::{AtomicUsize, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The most scopes that are due one by one; beyond that, every entry is invalidated.
///
/// It is small for the exploration of interleavings, whose runs are short.
pub(crate) const CAPACITY: usize = if cfg!(all(test, shuttle)) { 2 } else { 10_000 };
/// The most writes that are kept for a later release. The locks of further ones expire.
const MAX_UNRELEASED: usize = 1_000;

/// Scopes that were written while Redis was unreachable, and scopes whose release is in progress.
///
/// Reads of these scopes bypass the shared tier. When Redis is reachable again, each due scope is invalidated.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The number of scopes, or `usize::MAX` after an overflow. Readers check it first.
    size: AtomicUsize,
    /// The number of due scopes, or `usize::MAX` after an overflow.
    due: AtomicUsize,
    state: Mutex<State>,
}

/// The locks and registrations of a finished write that may still be in the shared tier.
#[derive(Debug, Clone)]
pub(crate) struct Unreleased {
    pub(crate) token: String,
    pub(crate) locked: Vec<Scope>,
    pub(crate) methods: Vec<Scope>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Scope, Entry>,
    /// The number of due entries.
    due: usize,
    next: u64,
    /// The number of the addition that exceeded the capacity.
    overflow: Option<u64>,
    unreleased: Vec<Unreleased>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// The number of the last addition; `None` if the scope is not due.
    due: Option<u64>,
    /// The number of releases in progress. They need no second message unless they fail.
    holds: u32,
}

/// The invalidations to deliver.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) scopes: Vec<Scope>,
    /// After an overflow, the epochs of all namespaces must change.
    pub(crate) everything: bool,
    /// Additions from this number on are not part of it.
    end: u64,
}

impl Journal {
    /// Adds scopes whose invalidation is due for delivery.
    pub(crate) fn add(&self, scopes: &[Scope]) {
        let mut state = self.lock();
        for scope in scopes {
            state.add(scope);
        }
        self.publish(&state);
    }

    /// Adds scopes whose release is in progress.
    ///
    /// Reads of this instance bypass the shared tier until [`unhold`](Self::unhold).
    pub(crate) fn hold(&self, scopes: &[Scope]) {
        let mut state = self.lock();
        for scope in scopes {
            state.entries.entry(scope.clone()).or_default().holds += 1;
        }
        self.publish(&state);
    }

    /// Ends one [`hold`](Self::hold). Scopes that are due stay due.
    pub(crate) fn unhold(&self, scopes: &[Scope]) {
        let mut state = self.lock();
        for scope in scopes {
            if let Some(entry) = state.entries.get_mut(scope) {
                entry.holds -= 1;
                state.remove_if_unused(scope);
            }
        }
        self.publish(&state);
    }

    /// Keeps a finished write whose release failed. Without a later release its locks make reads bypass until they
    /// expire.
    ///
    /// Its scopes must be added first: they are invalidated before the locks end.
    pub(crate) fn add_unreleased(&self, write: Unreleased) {
        let mut state = self.lock();
        if state.unreleased.len() < MAX_UNRELEASED {
            state.unreleased.push(write);
        }
    }

    /// Takes the writes to release; [`add_unreleased`](Self::add_unreleased) puts back those that fail.
    pub(crate) fn take_unreleased(&self) -> Vec<Unreleased> {
        std::mem::take(&mut self.lock().unreleased)
    }

    /// Whether reads of these scopes must bypass the shared tier.
    pub(crate) fn holds(&self, scopes: &[Scope]) -> bool {
        self.contains(&self.size, scopes, |_| true)
    }

    /// Whether the invalidation of one of the scopes is due.
    pub(crate) fn is_due(&self, scopes: &[Scope]) -> bool {
        self.contains(&self.due, scopes, |entry| entry.due.is_some())
    }

    fn contains(&self, count: &AtomicUsize, scopes: &[Scope], counts: fn(&Entry) -> bool) -> bool {
        match count.load(Ordering::Acquire) {
            0 => false,
            usize::MAX => true,
            _ => {
                let state = self.lock();
                state.overflow.is_some() || scopes.iter().any(|scope| state.entries.get(scope).is_some_and(counts))
            }
        }
    }

    /// The number of scopes, due or held; `usize::MAX` after an overflow.
    pub(crate) fn len(&self) -> usize {
        self.size.load(Ordering::Acquire)
    }

    /// The number of due scopes; `usize::MAX` after an overflow.
    pub(crate) fn pending(&self) -> usize {
        self.due.load(Ordering::Acquire)
    }

    /// Returns what is due now, if anything.
    pub(crate) fn due(&self) -> Option<Due> {
        let state = self.lock();
        let everything = state.overflow.is_some();
        let due = state.entries.iter().filter(|(_, entry)| entry.due.is_some());
        let scopes: Vec<Scope> = due.map(|(scope, _)| scope.clone()).collect();
        (everything || !scopes.is_empty()).then_some(Due { scopes, everything, end: state.next })
    }

    /// Records that Redis has invalidated these scopes of `due`. Later additions stay.
    pub(crate) fn delivered(&self, scopes: &[Scope], due: &Due) {
        let mut state = self.lock();
        for scope in scopes {
            if let Some(entry) = state.entries.get_mut(scope).filter(|entry| entry.due.is_some_and(|at| at < due.end)) {
                entry.due = None;
                state.due -= 1;
                state.remove_if_unused(scope);
            }
        }
        self.publish(&state);
    }

    /// Records that the epochs have changed, which covers an overflow before `due`.
    pub(crate) fn epochs_moved(&self, due: &Due) {
        let mut state = self.lock();
        state.overflow = state.overflow.filter(|number| *number >= due.end);
        self.publish(&state);
    }

    fn publish(&self, state: &State) {
        let or_overflow = |count| if state.overflow.is_some() { usize::MAX } else { count };
        self.size.store(or_overflow(state.entries.len()), Ordering::Release);
        self.due.store(or_overflow(state.due), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, scope: &Scope) {
        let number = self.next;
        self.next += 1;
        let was_due = self.entries.get(scope).is_some_and(|entry| entry.due.is_some());
        if !was_due && self.due >= CAPACITY {
            self.overflow(number);
            return;
        }
        self.due += usize::from(!was_due);
        self.entries.entry(scope.clone()).or_default().due = Some(number);
    }

    /// The change of the epochs covers every scope that was due.
    fn overflow(&mut self, number: u64) {
        self.overflow = Some(number);
        self.due = 0;
        self.entries.retain(|_, entry| {
            entry.due = None;
            entry.holds > 0
        });
    }

    fn remove_if_unused(&mut self, scope: &Scope) {
        if self.entries.get(scope).is_some_and(|entry| entry.due.is_none() && entry.holds == 0) {
            self.entries.remove(scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(number: usize) -> Scope {
        Scope::new(&format!("ns:e:{number}"))
    }

    fn scopes(numbers: impl IntoIterator<Item = usize>) -> Vec<Scope> {
        numbers.into_iter().map(scope).collect()
    }

    #[test]
    fn an_addition_during_a_delivery_stays() {
        let journal = Journal::default();
        journal.add(&scopes([1, 2]));
        let due = journal.due().unwrap();
        journal.add(&scopes([2, 3]));
        journal.delivered(&due.scopes, &due);
        assert!(!journal.holds(&[scope(1)]));
        assert!(journal.is_due(&[scope(2)]) && journal.is_due(&[scope(3)]));
    }

    #[test]
    fn part_of_a_delivery_counts() {
        let journal = Journal::default();
        journal.add(&scopes([1, 2]));
        let due = journal.due().unwrap();
        journal.delivered(&[scope(1)], &due);
        assert!(!journal.holds(&[scope(1)]) && journal.is_due(&[scope(2)]));
        assert_eq!(journal.pending(), 1);
    }

    #[test]
    fn held_scopes_are_bypassed_and_not_due() {
        let journal = Journal::default();
        journal.hold(&scopes([1, 2]));
        assert!(journal.holds(&[scope(1)]) && journal.due().is_none() && journal.pending() == 0);
        journal.add(&[scope(2)]);
        journal.unhold(&scopes([1, 2]));
        assert!(!journal.holds(&[scope(1)]) && journal.is_due(&[scope(2)]));
    }

    /// A scope that is always being written is always held; its older invalidation must become deliverable.
    #[test]
    fn a_held_scope_neither_delays_a_delivery_nor_is_released_by_it() {
        let journal = Journal::default();
        journal.add(&[scope(1)]);
        let due = journal.due().unwrap();
        journal.hold(&[scope(1)]);
        journal.delivered(&due.scopes, &due);
        assert!(journal.holds(&[scope(1)]) && !journal.is_due(&[scope(1)]));
        journal.hold(&[scope(1)]);
        journal.unhold(&[scope(1)]);
        assert!(journal.holds(&[scope(1)]));
        journal.unhold(&[scope(1)]);
        assert!(!journal.holds(&[scope(1)]));
    }

    #[test]
    fn an_overflow_makes_everything_due_until_the_epochs_move() {
        let journal = Journal::default();
        journal.hold(&[scope(1)]);
        journal.add(&scopes(0..=CAPACITY));
        assert!(journal.is_due(&[scope(CAPACITY + 77)]) && journal.holds(&[scope(CAPACITY + 77)]));
        let due = journal.due().unwrap();
        assert!(due.everything && due.scopes.is_empty());
        journal.epochs_moved(&due);
        assert!(!journal.holds(&[scope(2)]) && journal.due().is_none());
        assert!(journal.holds(&[scope(1)]), "its release is still in progress");
    }

    /// Otherwise a service that writes all the time would never get its journal back.
    #[test]
    fn additions_after_an_overflow_do_not_prolong_it() {
        let journal = Journal::default();
        journal.add(&scopes(0..=CAPACITY));
        let due = journal.due().unwrap();
        journal.add(&[scope(5)]);
        journal.epochs_moved(&due);
        assert!(journal.is_due(&[scope(5)]) && !journal.holds(&[scope(6)]));
        assert_eq!(journal.pending(), 1);
    }

    #[test]
    fn writes_to_release_are_bounded_and_taken_once() {
        let journal = Journal::default();
        let write = Unreleased { token: "token".to_owned(), locked: vec![scope(1)], methods: Vec::new() };
        (0..2 * MAX_UNRELEASED).for_each(|_| journal.add_unreleased(write.clone()));
        assert_eq!(journal.take_unreleased().len(), MAX_UNRELEASED);
        assert!(journal.take_unreleased().is_empty());
    }
}
