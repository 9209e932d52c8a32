//! The public error type.

use std::fmt;

/// The kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting does not parse or contradicts another one. Retrying does not help.
    Config,
    /// A cache with a remote tier was built outside of a Tokio runtime.
    NoRuntime,
    /// The load panicked, its runtime ended, or its value cannot be cloned for followers.
    LoadPanicked,
    /// The load, with its wait for a permit, did not end within
    /// [`load_deadline`](crate::CacheBuilder::load_deadline).
    LoadTimedOut,
    /// A load reads its own key through the cache, and the nested load does so again.
    ///
    /// A read in a task that the load spawns is not recognized as nested, and waits for the load.
    LoadRecursion,
}

/// An error of this crate.
///
/// Building a [`Cache`](crate::Cache) returns it, as does a load that panicked, exceeded its deadline, or reads its own
/// key recursively. To receive the errors of loads, the error type of a store implements `From<cache_core::Error>`. An
/// error of Redis is never returned: while the shared tier is unreachable, reads go to the store.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Box<str>,
}

impl Error {
    pub(crate) fn config(message: impl Into<Box<str>>) -> Self {
        Self { kind: ErrorKind::Config, message: message.into() }
    }

    pub(crate) fn no_runtime() -> Self {
        let message = "a cache with a remote tier keeps its connection in a background task: build it inside of a \
                       Tokio runtime, such as an async main";
        Self { kind: ErrorKind::NoRuntime, message: message.into() }
    }

    pub(crate) fn load_panicked(what: &str, panic: &str) -> Self {
        Self { kind: ErrorKind::LoadPanicked, message: format!("the load of {what} panicked: {panic}").into() }
    }

    pub(crate) fn load_timed_out(what: &str, after: std::time::Duration) -> Self {
        Self {
            kind: ErrorKind::LoadTimedOut,
            message: format!("the load of {what} did not end within {after:?}").into(),
        }
    }

    pub(crate) fn load_recursion(what: &str) -> Self {
        let message =
            format!("the load of {what} reads its own key through the cache without end: read it from the store");
        Self { kind: ErrorKind::LoadRecursion, message: message.into() }
    }

    /// Returns the kind of this error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may succeed if it is repeated.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::LoadPanicked | ErrorKind::LoadTimedOut)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Reports whether a failed write was certainly not applied.
///
/// Implement it for the error type of your store. Without it the outcome of every failed write counts as unknown: the
/// scopes that it invalidates stay locked for the lock's lifetime (10 s by default), and reads of them go to the store.
pub trait WriteError {
    /// Returns `true` only if the store certainly did not apply the write.
    ///
    /// Examples are rejected input, a violated constraint, or a transaction that was rolled back. A lost connection or
    /// a timeout is not such a case.
    fn not_written(&self) -> bool;
}

/// Returns the value, or panics with the error.
///
/// # Panics
///
/// If `result` is an error.
#[track_caller]
pub fn built<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
