//! Pending writers of other instances, as announced on the bus.
//!
//! A write whose targets are known only from its result is registered on the whole method. The entries of the method
//! stay current as long as the writer lives. If it does not finish before its expiry, the local tier invalidates the
//! whole method, as the shared tier does.

use std::collections::HashMap;

use crate::freshness::Freshness;
use crate::protocol::ScopeHash;
use crate::runtime::Moment;
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The maximum number of registrations. A method that would exceed it is invalidated at once.
pub(crate) const CAPACITY: usize = 1024;

/// Registrations that are neither finished nor expired.
#[derive(Debug, Default)]
pub(crate) struct PendingWriters(Mutex<HashMap<Registration, Moment>>);

/// One writer on one method.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Registration {
    method: ScopeHash,
    token: Box<str>,
}

impl PendingWriters {
    /// Adds a writer that is to finish before `expiry`.
    ///
    /// The method is invalidated at once if `expiry` has passed or there is no room for another registration.
    pub(crate) fn add(&self, freshness: &Freshness, method: ScopeHash, token: &str, expiry: Moment, now: Moment) {
        let mut pending = self.lock();
        let registration = Registration { method, token: token.into() };
        let has_room = pending.len() < CAPACITY || pending.contains_key(&registration);
        if expiry <= now || !has_room {
            pending.remove(&registration);
            freshness.advance_wide(method);
            return;
        }
        // A duplicate of a message must not extend the writer's time.
        pending.entry(registration).and_modify(|known| *known = expiry.min(*known)).or_insert(expiry);
    }

    /// Removes a writer that has finished; its targets were invalidated before.
    pub(crate) fn remove(&self, method: ScopeHash, token: &str) {
        self.lock().remove(&Registration { method, token: token.into() });
    }

    /// Invalidates the methods whose writers did not finish in time.
    ///
    /// It runs before each heartbeat is sent. The local tier answers for at most one lease after that, so no answer is
    /// based on a registration that expired more than one lease ago.
    pub(crate) fn expire(&self, freshness: &Freshness, now: Moment) {
        self.lock().retain(|registration, expiry| {
            let is_pending = now < *expiry;
            if !is_pending {
                freshness.advance_wide(registration.method);
            }
            is_pending
        });
    }

    /// Removes all registrations.
    ///
    /// The local tier must be flushed after this call, not before. A registration that arrives between the two is kept;
    /// an entry filled after the flush was looked up after the registration and does not outlive it.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Registration, Moment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freshness::MethodEntries as _;
    use crate::freshness::probe::Probe;

    const METHOD: ScopeHash = ScopeHash(1);
    const OTHER: ScopeHash = ScopeHash(2);

    /// Registrations, and the freshness whose sequences they advance.
    fn registrations() -> (PendingWriters, Freshness) {
        (PendingWriters::default(), Freshness::new())
    }

    #[test]
    fn an_expiry_invalidates_its_method_once_and_no_other() {
        let (pending, freshness) = registrations();
        let [method, other] = [METHOD, OTHER].map(|scope| Probe::on(&freshness, scope));
        pending.add(&freshness, METHOD, "a", Moment(10), Moment(0));
        pending.expire(&freshness, Moment(9));
        assert_eq!(method.sequence(), 0, "its writer may still finish");
        pending.expire(&freshness, Moment(10));
        assert_eq!((method.sequence(), other.sequence()), (1, 0));
        pending.expire(&freshness, Moment(11));
        assert_eq!((method.sequence(), pending.len()), (1, 0));
    }

    #[test]
    fn a_finished_writer_invalidates_nothing_and_leaves_other_writers_pending() {
        let (pending, freshness) = registrations();
        let method = Probe::on(&freshness, METHOD);
        for token in ["a", "b"] {
            pending.add(&freshness, METHOD, token, Moment(10), Moment(0));
        }
        pending.remove(METHOD, "a");
        pending.remove(OTHER, "b");
        assert_eq!((method.sequence(), pending.len()), (0, 1));
        pending.expire(&freshness, Moment(10));
        assert_eq!(method.sequence(), 1);
    }

    #[test]
    fn a_past_expiry_invalidates_at_once_and_a_duplicate_does_not_prolong() {
        let (pending, freshness) = registrations();
        let method = Probe::on(&freshness, METHOD);
        pending.add(&freshness, METHOD, "a", Moment(10), Moment(10));
        assert_eq!((method.sequence(), pending.len()), (1, 0));
        pending.add(&freshness, METHOD, "a", Moment(20), Moment(10));
        pending.add(&freshness, METHOD, "a", Moment(90), Moment(10));
        pending.expire(&freshness, Moment(20));
        assert_eq!(method.sequence(), 2);
    }

    #[test]
    fn the_number_of_registrations_is_bounded() {
        let (pending, freshness) = registrations();
        for writer in 0..CAPACITY {
            pending.add(&freshness, METHOD, &writer.to_string(), Moment(10), Moment(0));
        }
        let [method, other] = [METHOD, OTHER].map(|scope| Probe::on(&freshness, scope));
        pending.add(&freshness, METHOD, "0", Moment(10), Moment(0));
        assert_eq!(method.sequence(), 0, "it is known");
        pending.add(&freshness, OTHER, "one too many", Moment(10), Moment(0));
        assert_eq!((method.sequence(), other.sequence(), pending.len()), (0, 1, CAPACITY));
        pending.clear();
        assert_eq!(pending.len(), 0);
    }
}
