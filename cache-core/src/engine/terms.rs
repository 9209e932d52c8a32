//! The properties of a read method: its errors, its absent values, and its visibility checks.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::user_code::guarded;
use crate::error::Error;
use crate::flight::{Landing, SharedError};

/// How a method's results represent absence.
pub struct Presence<R> {
    is_absent: Option<fn(&R) -> bool>,
}

impl<R> Presence<R> {
    /// The method always returns a value.
    pub const ALWAYS: Self = Self { is_absent: None };
}

impl<V> Presence<Option<V>> {
    /// The method returns an `Option`.
    pub const OPTIONAL: Self = Self { is_absent: Some(Option::is_none) };
}

impl<R> Presence<R> {
    pub(super) fn is_absent(self, value: &R) -> bool {
        self.is_absent.is_some_and(|is_absent| is_absent(value))
    }
}

impl<R> Clone for Presence<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Presence<R> {}

impl<R> fmt::Debug for Presence<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_absent.is_some() { "Optional" } else { "Always" })
    }
}

/// The conversions that the error type of a store supports.
pub struct LoadErrors<E> {
    clone: Option<fn(&E) -> E>,
    from_cache: Option<fn(Error) -> E>,
}

impl<E> LoadErrors<E> {
    /// Creates the conversions.
    ///
    /// `clone` shares one error with all followers; `from_cache` converts the error of a load that panicked, timed out
    /// or recurses.
    pub const fn new(clone: Option<fn(&E) -> E>, from_cache: Option<fn(Error) -> E>) -> Self {
        Self { clone, from_cache }
    }
}

impl<E: Send + 'static> LoadErrors<E> {
    pub(super) fn share(&self, key: &str, error: &E) -> Option<SharedError> {
        let error = guarded(key, "Clone of the error", || self.clone.map(|clone| clone(error)))??;
        Some(Arc::new(Mutex::new(error)) as SharedError)
    }

    /// Returns the error of a flight's outcome for a follower, if representable.
    pub(super) fn told_by<R>(&self, key: &str, landing: &Landing<R>) -> Option<E> {
        match landing {
            Landing::Failed(error) => guarded(key, "Clone of the error", || self.unshare(error.as_ref()))?,
            Landing::Broken(error) => self.of_cache(key, error),
            Landing::Found(_) | Landing::Abandoned => None,
        }
    }

    fn unshare(&self, shared: Option<&SharedError>) -> Option<E> {
        let error = shared?.downcast_ref::<Mutex<E>>()?;
        Some(self.clone?(&error.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(super) fn of_cache(&self, key: &str, error: &Error) -> Option<E> {
        let from_cache = self.from_cache?;
        guarded(key, "From<Error>", || from_cache(error.clone()))
    }

    /// Whether the error type can report an exceeded deadline.
    pub(super) fn can_tell_of_a_deadline(&self) -> bool {
        self.from_cache.is_some()
    }
}

impl<E> Clone for LoadErrors<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for LoadErrors<E> {}

impl<E> fmt::Debug for LoadErrors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadErrors")
            .field("clone", &self.clone.is_some())
            .field("from_cache", &self.from_cache.is_some())
            .finish()
    }
}

type Visible<'a, R> = Box<dyn Fn(&R) -> bool + Send + Sync + 'a>;
pub(super) type CacheIf<R> = Arc<dyn Fn(&R) -> bool + Send + Sync>;

/// The terms of one call of a read method.
#[must_use]
pub struct Terms<'a, R, E> {
    pub(super) errors: LoadErrors<E>,
    visible: Option<Visible<'a, R>>,
    pub(super) cacheable: Option<CacheIf<R>>,
}

impl<'a, R, E> Terms<'a, R, E> {
    /// Creates terms that let every caller see every value, and cache every value.
    pub fn new(errors: LoadErrors<E>) -> Self {
        Self { errors, visible: None, cacheable: None }
    }

    /// Checks every value that this call did not load itself. If it returns `false`, the call reads the store.
    pub fn visible_if(mut self, visible: impl Fn(&R) -> bool + Send + Sync + 'a) -> Self {
        self.visible = Some(Box::new(visible));
        self
    }

    /// Checks every loaded value. If it returns `false` or panics, the value is not cached.
    pub fn cache_if(mut self, cacheable: impl Fn(&R) -> bool + Send + Sync + 'static) -> Self {
        self.cacheable = Some(Arc::new(cacheable));
        self
    }

    /// Whether the caller may see the value. A check that panics counts as `false`.
    pub(super) fn may_see(&self, key: &str, value: &R) -> bool {
        let Some(visible) = &self.visible else { return true };
        guarded(key, "visible_if", || visible(value)).unwrap_or(false)
    }
}

impl<R, E> fmt::Debug for Terms<'_, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms").field("errors", &self.errors).finish_non_exhaustive()
    }
}
