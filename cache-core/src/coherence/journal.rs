//! Scopes whose invalidation Redis has not heard.

use std::collections::HashMap;

use super::Scope;
use crate::runtime::sync::atomic::{AtomicUsize, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The most scopes that are remembered one by one. When there are more, everything counts as not heard. Few where
/// interleavings are explored, so that a short run gets there.
pub(crate) const CAPACITY: usize = if cfg!(all(test, shuttle)) { 2 } else { 10_000 };
/// The most releases that are kept. The locks of further ones expire by themselves.
const MAX_RELEASES: usize = 1_000;

/// Remembers what was written while Redis could not be told. A read of such a scope goes to the store and fills
/// nothing; when Redis is back, each scope is bumped before anything is trusted again.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The number of scopes, or `usize::MAX` after an overflow: what a reader looks at first.
    size: AtomicUsize,
    /// The number of scopes due for delivery, or `usize::MAX` after an overflow.
    due: AtomicUsize,
    scopes: Mutex<Scopes>,
}

/// The locks and registrations of a finished write that may still be in the shared tier.
#[derive(Debug, Clone)]
pub(crate) struct Unreleased {
    pub(crate) token: String,
    pub(crate) locked: Vec<Scope>,
    pub(crate) methods: Vec<Scope>,
}

#[derive(Debug, Default)]
struct Scopes {
    entries: HashMap<Scope, Entry>,
    /// Each with its number.
    unreleased: Vec<(u64, Unreleased)>,
    /// The number of entries due for delivery.
    due: usize,
    next: u64,
    overflow: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Distinguishes entries added during a delivery from those that it covers.
    number: u64,
    /// Whether the scope is due for delivery. A release in progress needs no second message unless it fails.
    is_due: bool,
}

/// The number of the first of some scopes that were added together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noted(u64);

/// What a drain has to tell Redis.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) scopes: Vec<Scope>,
    /// To be released after that.
    pub(crate) unreleased: Vec<Unreleased>,
    /// The journal ran over: the namespace epoch must move.
    pub(crate) everything: bool,
    upto: u64,
}

impl Scopes {
    fn due(&self) -> Vec<Scope> {
        self.entries.iter().filter(|(_, entry)| entry.is_due).map(|(scope, _)| scope.clone()).collect()
    }
}

impl Journal {
    /// Adds scopes whose invalidation is due for delivery.
    pub(crate) fn add(&self, scopes: &[Scope]) -> Noted {
        self.note(scopes, true)
    }

    /// Adds scopes whose release is in progress.
    ///
    /// Reads of this instance bypass the shared tier until the release completes. The caller then calls
    /// [`forget`](Self::forget) if it succeeded, and [`add`](Self::add) if it failed.
    pub(crate) fn hold(&self, scopes: &[Scope]) -> Noted {
        self.note(scopes, false)
    }

    /// Notes a finished write whose release failed. Its scopes are [added](Self::add) first: a delivery invalidates them before
    /// it ends the locks, and without the release the locks make every read a bypass until they expire.
    pub(crate) fn add_unreleased(&self, write: Unreleased) {
        let mut inner = self.lock();
        if inner.unreleased.len() < MAX_RELEASES {
            let number = inner.next;
            inner.next += 1;
            inner.unreleased.push((number, write));
        }
    }

    fn note(&self, scopes: &[Scope], is_due: bool) -> Noted {
        let mut inner = self.lock();
        let first = inner.next;
        for scope in scopes {
            let number = inner.next;
            inner.next += 1;
            if inner.overflow.is_some() || (inner.entries.len() >= CAPACITY && !inner.entries.contains_key(scope)) {
                inner.overflow = Some(number);
                inner.entries.clear();
                inner.due = 0;
            } else {
                let was_due = inner.entries.get(scope).is_some_and(|entry| entry.is_due);
                inner.entries.insert(scope.clone(), Entry { number, is_due: is_due || was_due });
                inner.due += usize::from(is_due && !was_due);
            }
        }
        self.publish(&inner);
        Noted(first)
    }

    /// What was noted then needs no telling any more. What was added to the same scopes since stays.
    pub(crate) fn forget(&self, scopes: &[Scope], noted: Noted) {
        let mut inner = self.lock();
        let ours = noted.0..noted.0 + scopes.len() as u64;
        for scope in scopes {
            if inner.entries.get(scope).is_some_and(|entry| ours.contains(&entry.number)) {
                let was_due = inner.entries.remove(scope).is_some_and(|entry| entry.is_due);
                inner.due -= usize::from(was_due);
            }
        }
        self.publish(&inner);
    }

    /// Whether one of the scopes waits to be told.
    pub(crate) fn holds(&self, scopes: &[Scope]) -> bool {
        match self.size.load(Ordering::Acquire) {
            0 => false,
            usize::MAX => true,
            _ => {
                let inner = self.lock();
                inner.overflow.is_some() || scopes.iter().any(|scope| inner.entries.contains_key(scope))
            }
        }
    }

    /// How many scopes wait to be told; `usize::MAX` after an overflow.
    pub(crate) fn len(&self) -> usize {
        self.size.load(Ordering::Acquire)
    }

    /// The number of scopes due for delivery; `usize::MAX` after an overflow.
    pub(crate) fn pending(&self) -> usize {
        self.due.load(Ordering::Acquire)
    }

    /// What is to be told now, if anything.
    pub(crate) fn due(&self) -> Option<Due> {
        let inner = self.lock();
        let everything = inner.overflow.is_some();
        let unreleased = inner.unreleased.iter().map(|(_, write)| write.clone()).collect();
        let due = Due { scopes: inner.due(), unreleased, everything, upto: inner.next };
        (everything || !due.scopes.is_empty() || !due.unreleased.is_empty()).then_some(due)
    }

    /// Redis has heard `due`. What was added since stays.
    pub(crate) fn told(&self, due: &Due) {
        let mut inner = self.lock();
        inner.entries.retain(|_, entry| entry.number >= due.upto || !entry.is_due);
        inner.due = inner.due().len();
        inner.unreleased.retain(|(number, _)| *number >= due.upto);
        if inner.overflow.is_some_and(|number| number < due.upto) {
            inner.overflow = None;
        }
        self.publish(&inner);
    }

    fn publish(&self, inner: &Scopes) {
        let size = if inner.overflow.is_some() { usize::MAX } else { inner.entries.len() };
        self.size.store(size, Ordering::Release);
        let due = if inner.overflow.is_some() { usize::MAX } else { inner.due };
        self.due.store(due, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Scopes> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(number: usize) -> Scope {
        Scope::new(&format!("ns:e:{number}"))
    }

    #[test]
    fn what_was_added_during_a_drain_outlives_it() {
        let journal = Journal::default();
        journal.add(&[scope(1), scope(2)]);
        let due = journal.due().unwrap();
        journal.add(&[scope(2), scope(3)]);
        journal.told(&due);
        assert!(!journal.holds(&[scope(1)]));
        assert!(journal.holds(&[scope(2)]) && journal.holds(&[scope(3)]));
    }

    #[test]
    fn what_is_held_is_bypassed_and_not_delivered_unless_it_fails() {
        let journal = Journal::default();
        let noted = journal.hold(&[scope(1), scope(2)]);
        assert!(journal.holds(&[scope(1)]) && journal.due().is_none() && journal.pending() == 0);
        journal.add(&[scope(2)]);
        let due = journal.due().unwrap();
        assert_eq!((&due.scopes[..], journal.pending()), (&[scope(2)][..], 1));
        journal.told(&due);
        assert!(journal.holds(&[scope(1)]) && !journal.holds(&[scope(2)]));
        journal.forget(&[scope(1), scope(2)], noted);
        assert_eq!(journal.len(), 0);
    }

    #[test]
    fn what_is_forgotten_is_only_what_was_noted_then() {
        let journal = Journal::default();
        let noted = journal.add(&[scope(1), scope(2)]);
        journal.add(&[scope(2), scope(3)]);
        journal.forget(&[scope(1), scope(2)], noted);
        assert!(!journal.holds(&[scope(1)]));
        assert!(journal.holds(&[scope(2)]) && journal.holds(&[scope(3)]));
        assert_eq!(journal.len(), 2);
    }

    #[test]
    fn releases_are_delivered_once_and_later_ones_stay() {
        let journal = Journal::default();
        let write = |token: &str| Unreleased { token: token.to_owned(), locked: vec![scope(1)], methods: Vec::new() };
        let tokens = |due: &Due| due.unreleased.iter().map(|write| write.token.clone()).collect::<Vec<_>>();
        journal.add_unreleased(write("a"));
        let due = journal.due().unwrap();
        journal.add_unreleased(write("b"));
        assert_eq!(tokens(&due), ["a"]);
        journal.told(&due);
        assert_eq!(tokens(&journal.due().unwrap()), ["b"]);
        (0..2 * MAX_RELEASES).for_each(|_| journal.add_unreleased(write("c")));
        assert_eq!(journal.due().unwrap().unreleased.len(), MAX_RELEASES);
    }

    #[test]
    fn after_an_overflow_everything_counts_as_not_heard() {
        let journal = Journal::default();
        for number in 0..=CAPACITY {
            journal.add(&[scope(number)]);
        }
        assert!(journal.holds(&[scope(CAPACITY + 77)]));
        let due = journal.due().unwrap();
        assert!(due.everything && due.scopes.is_empty());
        journal.told(&due);
        assert!(!journal.holds(&[scope(1)]) && journal.due().is_none());
    }
}
