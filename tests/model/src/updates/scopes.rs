//! The scopes in Redis, and the scripts.

use super::state::State;
use super::writers::Lock;
use super::{UpdateSize, UpdateVariant};

pub(super) const OWN: usize = 0;
pub(super) const WIDE: usize = 1;
pub(super) const SCOPES: [usize; 2] = [OWN, WIDE];

/// The life of a lock, in ticks.
const LOCK: u8 = 1;

/// The value of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    Missing,
    /// Its generation is the one whose holders have the mark of being current.
    Free,
    /// The locks of the writers.
    Locked([Option<Held>; 3]),
}

/// A lock in the value of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) until: u8,
    overlapped: bool,
}

impl State {
    /// Ends the currency of all generations of a scope.
    fn changed(&mut self, scope: usize) {
        if let Some(shared) = &mut self.shared {
            shared.fence[scope] = false;
        }
        self.readers.iter_mut().for_each(|reader| reader.outdated(scope));
        self.writers.iter_mut().for_each(|writer| writer.fence[scope] = false);
    }

    fn set(&mut self, scope: usize, value: Scope) {
        self.scopes[scope] = value;
        self.changed(scope);
    }

    fn publish(&mut self, scope: usize) {
        self.instances.iter_mut().for_each(|instance| instance.messages[scope] += 1);
    }

    /// Takes the lock of a writer, and the unexpired ones of all others.
    fn take(&self, scope: usize, writer: Option<usize>) -> ([Option<Held>; 3], Option<Held>) {
        let Scope::Locked(mut locks) = self.scopes[scope] else { return ([None; 3], None) };
        let own = writer.and_then(|writer| locks[writer].take());
        (locks.map(|lock| lock.filter(|lock| lock.until > self.now)), own)
    }

    /// LOCK, which may be executed late.
    pub(super) fn lock(&mut self, variant: UpdateVariant, scope: usize, writer: usize) {
        let (mut locks, own) = self.take(scope, Some(writer));
        let marks = variant != UpdateVariant::NoMarkOfLocks;
        let overlapped = marks && (locks != [None; 3] || own.is_some_and(|own| own.overlapped));
        mark(&mut locks, marks);
        let until = self.now + LOCK;
        locks[writer] = Some(Held { until, overlapped });
        self.writers[writer].lock = Lock::Executed { until };
        self.set(scope, Scope::Locked(locks));
        self.publish(scope);
    }

    /// RELEASE; returns whether it replies with the new generation.
    pub(super) fn release(&mut self, variant: UpdateVariant, scope: usize, writer: usize) -> bool {
        let (mut locks, own) = self.take(scope, Some(writer));
        let weak = if own.is_some() { UpdateVariant::NoMarkOfLocks } else { UpdateVariant::NoMarkOfLostWriters };
        mark(&mut locks, variant != weak);
        let is_last = locks == [None; 3];
        self.set(scope, if is_last { Scope::Free } else { Scope::Locked(locks) });
        if own.is_none() {
            self.publish(scope);
        }
        let is_alone = own.map_or(variant == UpdateVariant::StoresAfterLostLock, |own| !own.overlapped);
        is_last && is_alone
    }

    /// INVALIDATE.
    pub(super) fn invalidate(&mut self, variant: UpdateVariant, scope: usize) {
        let (mut locks, _) = self.take(scope, None);
        mark(&mut locks, variant != UpdateVariant::NoMarkOfInvalidations);
        self.set(scope, if locks == [None; 3] { Scope::Free } else { Scope::Locked(locks) });
        self.publish(scope);
    }

    /// GETINIT; returns whether the scope has a generation.
    pub(super) fn init(&mut self, scope: usize) -> bool {
        if self.scopes[scope] == Scope::Missing {
            self.scopes[scope] = Scope::Free;
        }
        self.scopes[scope] == Scope::Free
    }

    /// Removes a scope whose last lock has expired.
    pub(super) fn expire(&mut self, scope: usize) {
        if let Scope::Locked(locks) = self.scopes[scope]
            && locks.iter().flatten().all(|lock| lock.until <= self.now)
        {
            self.set(scope, Scope::Missing);
        }
    }

    pub(super) fn evict(&mut self, scope: usize) {
        self.set(scope, Scope::Missing);
    }

    /// Whether a scope has a value without the lock of a dropped writer.
    pub(super) fn is_evictable(&self, size: &UpdateSize, scope: usize) -> bool {
        let mut writers = self.writers.iter().zip(size.writers);
        let is_needed = writers.any(|(writer, (change, _))| change.scope() == scope && writer.is_dead_until(self.now));
        self.scopes[scope] != Scope::Missing && !is_needed
    }

    /// Whether Redis has the lock of a writer.
    pub(super) fn has_lock(&self, scope: usize, writer: usize) -> bool {
        matches!(self.scopes[scope], Scope::Locked(locks) if locks[writer].is_some_and(|lock| lock.until > self.now))
    }
}

fn mark(locks: &mut [Option<Held>; 3], marks: bool) {
    locks.iter_mut().flatten().for_each(|lock| lock.overlapped |= marks);
}
