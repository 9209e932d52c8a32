//! A read method for tests of what invalidates one.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Freshness, MethodEntries};
use crate::protocol::ScopeHash;
use crate::runtime::sync::atomic::{AtomicU64, Ordering};

/// A method whose invalidations are recorded.
pub(crate) struct Probe {
    scope: ScopeHash,
    sequence: AtomicU64,
    removed: Mutex<Vec<ScopeHash>>,
}

impl Probe {
    /// Adds a method with this scope.
    pub(crate) fn on(freshness: &Freshness, scope: ScopeHash) -> Arc<Self> {
        let probe = Arc::new(Self { scope, sequence: AtomicU64::new(0), removed: Mutex::default() });
        let entries: Weak<Self> = Arc::downgrade(&probe);
        freshness.add(entries);
        probe
    }

    /// The own scopes whose entries were to be removed.
    pub(crate) fn removed(&self) -> Vec<ScopeHash> {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl MethodEntries for Probe {
    fn is_in(&self, scope: ScopeHash) -> bool {
        self.scope == scope
    }

    fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    fn invalidate_all(&self) {
        self.sequence.fetch_add(1, Ordering::AcqRel);
    }

    fn remove(&self, scope: ScopeHash) {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner).push(scope);
    }
}
