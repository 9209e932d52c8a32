//! The writes in progress in a cache without a shared tier.
//!
//! Locks in the shared tier show a write whether another one is in progress. Without a shared tier this does.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::protocol::{Scope, ScopeHash};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The number of writes in progress, by scope.
#[derive(Debug, Default)]
pub(crate) struct LocalWriters(Mutex<HashMap<ScopeHash, usize, RandomState>>);

/// A write in progress, until it is dropped.
#[derive(Debug)]
pub(crate) struct LocalWriter {
    writers: Arc<LocalWriters>,
    scopes: Vec<ScopeHash>,
}

impl LocalWriters {
    /// Adds a write of these scopes.
    pub(crate) fn enter<'a>(self: &Arc<Self>, scopes: impl Iterator<Item = &'a Scope>) -> LocalWriter {
        let scopes: Vec<ScopeHash> = scopes.map(Scope::hash).collect();
        let mut writers = self.lock();
        for scope in &scopes {
            *writers.entry(*scope).or_default() += 1;
        }
        drop(writers);
        LocalWriter { writers: Arc::clone(self), scopes }
    }

    /// Whether a write of the first scope is the only one of all these scopes.
    pub(crate) fn has_one(&self, scopes: &[Scope]) -> bool {
        let writers = self.lock();
        let count = |scope: &Scope| writers.get(&scope.hash()).copied().unwrap_or_default();
        scopes.iter().map(count).sum::<usize>() == 1
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ScopeHash, usize, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        let mut writers = self.writers.lock();
        for scope in &self.scopes {
            if let Some(count) = writers.get_mut(scope) {
                *count -= 1;
                if *count == 0 {
                    writers.remove(scope);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_alone_until_another_one_of_its_scopes_enters() {
        let writers = Arc::new(LocalWriters::default());
        let scopes = ["ns:e:1", "ns:e:*"].map(Scope::new);
        assert!(!writers.has_one(&scopes));
        let own = writers.enter(scopes[..1].iter());
        assert!(writers.has_one(&scopes));
        for other in &scopes {
            let other = writers.enter(std::iter::once(other));
            assert!(!writers.has_one(&scopes));
            drop(other);
            assert!(writers.has_one(&scopes));
        }
        drop(own);
        assert!(writers.lock().is_empty());
    }
}
