//! The value that a load would replace, for stores that know its version without reading it all (`revalidate`).
//!
//! The engine sets it before a load, and generated code compares its version with that of the store. If they are equal,
//! the value is the result of the load: it is stored with a new life, under the fence from before the comparison.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::runtime::sync::{Mutex, PoisonError};

/// The value of an entry that is about to be loaded again, shared by the engine and the load.
pub struct Previous<R>(Arc<Inner<R>>);

struct Inner<R> {
    value: Mutex<Option<R>>,
    is_current: AtomicBool,
}

impl<R> Default for Previous<R> {
    fn default() -> Self {
        Self(Arc::new(Inner { value: Mutex::new(None), is_current: AtomicBool::new(false) }))
    }
}

impl<R> Previous<R> {
    /// Takes the value, if there is one.
    pub fn take(&self) -> Option<R> {
        self.0.value.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes that the load returns the value.
    pub fn confirm(&self) {
        self.0.is_current.store(true, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: Option<R>) {
        *self.0.value.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    /// Whether the load has returned the value.
    pub(super) fn was_current(&self) -> bool {
        self.0.is_current.load(Ordering::Relaxed)
    }
}

impl<R> Clone for Previous<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> fmt::Debug for Previous<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Previous").finish_non_exhaustive()
    }
}

/// The answer of a store that is asked for the version of a row.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer with a version of the type `{T}`",
    label = "the function returns the version of a cached value as `{T}`",
    note = "the method of `revalidate(method, function)` returns this type, or an `Option`, a `Result` or a `Result` of an `Option` of it"
)]
pub trait VersionAnswer<T> {
    /// Whether it is this version. An error and an absence are none.
    fn is(&self, version: &T) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T: PartialEq> VersionAnswer<T> for T {
    fn is(&self, version: &T) -> bool {
        self == version
    }
}

#[diagnostic::do_not_recommend]
impl<T: PartialEq, E> VersionAnswer<T> for Result<T, E> {
    fn is(&self, version: &T) -> bool {
        self.as_ref().is_ok_and(|answer| answer == version)
    }
}

#[diagnostic::do_not_recommend]
impl<T: PartialEq> VersionAnswer<T> for Option<T> {
    fn is(&self, version: &T) -> bool {
        self.as_ref() == Some(version)
    }
}

#[diagnostic::do_not_recommend]
impl<T: PartialEq, E> VersionAnswer<T> for Result<Option<T>, E> {
    fn is(&self, version: &T) -> bool {
        self.as_ref().is_ok_and(|answer| answer.as_ref() == Some(version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_version_in_each_form() {
        assert!(VersionAnswer::is(&7, &7) && !VersionAnswer::is(&7, &8));
        assert!(VersionAnswer::is(&Some(7), &7) && !VersionAnswer::is(&None, &7));
        assert!(VersionAnswer::is(&Ok::<_, ()>(7), &7) && !VersionAnswer::is(&Err::<u8, _>(()), &7));
        assert!(VersionAnswer::is(&Ok::<_, ()>(Some(7)), &7) && !VersionAnswer::is(&Ok::<Option<u8>, ()>(None), &7));
    }
}
