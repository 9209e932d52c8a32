//! What one call of a batch knows that the engine does not.

use std::fmt;

use super::super::terms::{CacheIf, LoadErrors};
use super::super::user_code::guarded;

type Visible<'a, K, R> = Box<dyn Fn(&K, &R) -> bool + Send + Sync + 'a>;

/// The terms of one call of a method over many keys.
#[must_use]
pub struct BatchTerms<'a, K, R, E> {
    pub(super) errors: LoadErrors<E>,
    visible: Option<Visible<'a, K, R>>,
    pub(super) cacheable: Option<CacheIf<R>>,
}

impl<'a, K, R, E> BatchTerms<'a, K, R, E> {
    /// Everybody may see every value, and every value may be cached.
    pub fn new(errors: LoadErrors<E>) -> Self {
        Self { errors, visible: None, cacheable: None }
    }

    /// Asked of every value that this call did not load itself. `false` means that the store decides.
    pub fn visible_if(mut self, visible: impl Fn(&K, &R) -> bool + Send + Sync + 'a) -> Self {
        self.visible = Some(Box::new(visible));
        self
    }

    /// Asked of every value that was loaded. `false` or a panic means that it is not cached.
    pub fn cache_if(mut self, cacheable: impl Fn(&R) -> bool + Send + Sync + 'static) -> Self {
        self.cacheable = Some(std::sync::Arc::new(cacheable));
        self
    }

    /// A check that panics does not allow the value.
    pub(super) fn may_see(&self, head: &str, key: &K, value: &R) -> bool {
        let Some(visible) = &self.visible else { return true };
        guarded(head, "visible_if", || visible(key, value)).unwrap_or(false)
    }
}

impl<K, R, E> fmt::Debug for BatchTerms<'_, K, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchTerms").field("errors", &self.errors).finish_non_exhaustive()
    }
}
