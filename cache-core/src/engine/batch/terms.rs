//! The properties of one call of a batch method.

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
    /// Creates terms that let every caller see every value, and cache every value.
    pub fn new(errors: LoadErrors<E>) -> Self {
        Self { errors, visible: None, cacheable: None }
    }

    /// Checks every value that this call did not load itself. If it returns `false`, the call reads the store.
    pub fn visible_if(mut self, visible: impl Fn(&K, &R) -> bool + Send + Sync + 'a) -> Self {
        self.visible = Some(Box::new(visible));
        self
    }

    /// Checks every loaded value. If it returns `false` or panics, the value is not cached.
    pub fn cache_if(mut self, cacheable: impl Fn(&R) -> bool + Send + Sync + 'static) -> Self {
        self.cacheable = Some(std::sync::Arc::new(cacheable));
        self
    }

    /// Whether the caller may see the value. A check that panics counts as `false`.
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
