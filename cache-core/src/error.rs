//! The public error type, and the trait by which a store describes its own errors.
//!
//! One type covers configuration and loads. There is no kind for Redis, on purpose: no error of the shared tier reaches
//! a caller. Messages name settings, methods and limits, and never contain a key, a value, an address or a password.

use std::fmt;

/// The kind of an [`Error`].
///
/// `Config` and `NoRuntime` come from builders and constructors, at the start of a process; the others come from reads,
/// through `From<cache_core::Error>` of the store's error type.
///
/// # Examples
///
/// ```
/// use cache_core::{Cache, ErrorKind};
///
/// let error = Cache::builder().key_prefix("").build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Config);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting does not parse or contradicts another one. Retrying does not help.
    Config,
    /// A cache with a shared tier was built outside of a Tokio runtime.
    ///
    /// Its background task needs one. Build it inside of `async fn main` or of `Runtime::block_on`.
    NoRuntime,
    /// The load panicked, its runtime ended, or its value cannot be cloned for followers.
    ///
    /// The key is free again, and the next call starts another load. The log has the text of the panic.
    LoadPanicked,
    /// The load did not end within [`load_deadline`](crate::CacheBuilder::load_deadline).
    ///
    /// Its wait for a permit counts as well. The call of the store was dropped, and the key is free again.
    LoadTimedOut,
    /// A load reads its own key through the cache without end.
    ///
    /// The first nested read calls the store; this is the error of the second one.
    ///
    /// A read in a task that the load spawns is not recognized as nested, and waits for the load.
    LoadRecursion,
    /// No tier has the entry, and the call reads from the tiers alone.
    ///
    /// It is the error of a view from `cached_only` if it is used as the store.
    NotCached,
}

/// An error of this crate.
///
/// Building a [`Cache`](crate::Cache) returns it, as does a load that panicked, exceeded its deadline, or reads its own
/// key recursively. To receive the errors of loads, the error type of a store implements `From<cache_core::Error>`. An
/// error of Redis is never returned: while the shared tier is unreachable, reads go to the store.
///
/// # Examples
///
/// ```
/// #[derive(Clone, Debug)]
/// enum StoreError {
///     Unavailable(String),
/// }
///
/// impl From<cache_core::Error> for StoreError {
///     fn from(error: cache_core::Error) -> Self {
///         Self::Unavailable(error.to_string())
///     }
/// }
/// # let error = cache_core::Cache::builder().key_prefix("").build().unwrap_err();
/// # assert!(matches!(StoreError::from(error), StoreError::Unavailable(text) if text.starts_with("the key prefix")));
/// ```
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Box<str>,
}

impl Error {
    /// A setting that cannot be used. `message` names it, and never contains a secret.
    pub(crate) fn config(message: impl Into<Box<str>>) -> Self {
        Self { kind: ErrorKind::Config, message: message.into() }
    }

    pub(crate) fn no_runtime() -> Self {
        let message = "a cache with a remote tier keeps its connection in a background task: build it inside of a \
                       Tokio runtime, such as an async main";
        Self { kind: ErrorKind::NoRuntime, message: message.into() }
    }

    /// A load without an outcome; `what` is the read method, `panic` the text of the panic.
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

    pub(crate) fn not_cached(what: &str) -> Self {
        let message = format!("no tier has this entry of {what}, and the call reads from the tiers alone");
        Self { kind: ErrorKind::NotCached, message: message.into() }
    }

    /// Returns the kind of this error, to decide in code. `Display` is for people and may change.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may succeed if it is repeated.
    ///
    /// That is so for a load that panicked or exceeded its deadline. A setting or a recursion fails again.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = cache_core::Cache::builder().key_prefix("").build().unwrap_err();
    /// assert!(!error.is_retryable());
    /// ```
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
///
/// Implementing it is optional, and no bound requires it: generated code looks for the implementation.
///
/// # Examples
///
/// ```
/// use cache_core::WriteError;
///
/// #[derive(Debug)]
/// enum StoreError {
///     DuplicateName,
///     ConnectionLost,
/// }
///
/// impl WriteError for StoreError {
///     fn not_written(&self) -> bool {
///         matches!(self, Self::DuplicateName)
///     }
/// }
///
/// assert!(StoreError::DuplicateName.not_written());
/// assert!(!StoreError::ConnectionLost.not_written()); // the commit may have arrived
/// ```
pub trait WriteError {
    /// Returns `true` only if the store certainly did not apply the write.
    ///
    /// Examples are rejected input, a violated constraint, or a transaction that was rolled back. A lost connection or
    /// a timeout is not such a case. If in doubt, return `false`: it costs loads for ten seconds, while a wrong `true`
    /// lets readers keep the old value until its time to live ends.
    fn not_written(&self) -> bool;
}

/// Reports whether an error of a read means that the store is unavailable.
///
/// Implement it for the error type of your store if a method has `stale_if_error`, which requires it: an expired value
/// answers in place of an outage, and an error that is an answer reaches the caller.
///
/// # Examples
///
/// ```
/// use cache_core::LoadError;
///
/// #[derive(Debug)]
/// enum StoreError {
///     Forbidden,
///     ConnectionLost,
/// }
///
/// impl LoadError for StoreError {
///     fn is_outage(&self) -> bool {
///         matches!(self, Self::ConnectionLost)
///     }
/// }
///
/// assert!(StoreError::ConnectionLost.is_outage());
/// assert!(!StoreError::Forbidden.is_outage()); // the reader lost its right: no old value may answer
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which of its values are outages of the store",
    label = "no `LoadError`",
    note = "`stale_if_error` answers with an expired value during an outage, and passes every other error on",
    note = "implement `cache_core::LoadError` for the error type, or leave out `stale_if_error`"
)]
pub trait LoadError {
    /// Returns `true` if the store could not answer, as after a lost connection or a timeout.
    ///
    /// Return `false` for an answer, such as "not found", "forbidden" or rejected input. If in doubt, return `false`: the
    /// caller then receives the error.
    fn is_outage(&self) -> bool;
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
