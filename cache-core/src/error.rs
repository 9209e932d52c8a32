//! The one public error type.

use std::fmt;

/// The kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting does not parse or contradicts another one. Trying again does not help.
    Config,
    /// A cache with a remote tier was built outside of a Tokio runtime.
    NoRuntime,
    /// The load panicked, its runtime ended, or its value cannot be cloned for those who wait.
    LoadPanicked,
    /// The load, with its wait for a permit, did not end within
    /// [`load_deadline`](crate::CacheBuilder::load_deadline).
    LoadTimedOut,
    /// A load reads its own key through the cache, and the load of that read does so again.
    ///
    /// A read in a task that the load spawns is not recognized as nested, and waits for the load.
    LoadRecursion,
}

/// An error of this crate.
///
/// It comes from building a [`Cache`](crate::Cache), and from a load that panicked, did not end in time, or reads its
/// own key without end. To receive the errors of loads, the error type of a store implements `From<cache_core::Error>`.
/// An error of Redis is never returned: while the shared tier is out of reach, reads go to the store.
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

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may succeed when it is made again.
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

/// Says of a store's error whether the write that failed has certainly not been applied.
///
/// Implement it for the error type of your store. Without it every failed write counts as one of unknown outcome: the
/// scopes that it invalidates stay locked for the lock's lifetime (10 s by default), and reads of them go to the store.
pub trait WriteError {
    /// `true` only where the store certainly did not apply the write: refused input, a violated constraint, a
    /// transaction that was rolled back. A lost connection or a timeout is not such a case.
    fn not_written(&self) -> bool;
}
