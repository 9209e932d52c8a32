//! The one public error type.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The kind of a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// A setting does not parse, is missing, or contradicts another one.
    Config,
    /// An argument that no implementation accepts, such as a broken cursor or a NUL in text.
    InvalidInput,
    /// The row to change does not exist, or the caller may not know that it does.
    NotFound,
    /// The caller may see the row, and may not change it.
    Forbidden,
    /// The database refused the row.
    Constraint,
    /// The database rolled the transaction back in favour of another one.
    Conflict,
    /// The connected role lacks a right.
    Permission,
    /// A table is missing, or a migration failed.
    Schema,
    /// A row has a value that its type does not allow.
    Corrupt,
    /// The database cannot be reached, or the connection was lost.
    Unavailable,
    /// The database or the pool did not answer in time.
    Timeout,
    /// The load behind a cached read panicked, timed out, or read its own key without end.
    Load,
    /// Anything else.
    Other,
}

impl StoreErrorKind {
    fn is_retryable(self) -> bool {
        matches!(self, Self::Conflict | Self::Unavailable | Self::Timeout | Self::Load)
    }

    /// Whether no part of a write is in the database, whichever statement failed.
    fn rules_a_write_out(self) -> bool {
        use StoreErrorKind::{Config, Conflict, Constraint, Forbidden, InvalidInput, NotFound, Permission, Schema};
        matches!(self, Config | InvalidInput | NotFound | Forbidden | Constraint | Conflict | Permission | Schema)
    }

    fn text(self) -> &'static str {
        match self {
            Self::Config => "wrong configuration",
            Self::InvalidInput => "invalid input",
            Self::NotFound => "there is no such thing for this caller",
            Self::Forbidden => "this caller may not change it",
            Self::Constraint => "the database refused the row",
            Self::Conflict => "the database undid the transaction in favour of another one",
            Self::Permission => "the database denied permission",
            Self::Schema => "the database's schema does not fit",
            Self::Corrupt => "a row does not fit its type",
            Self::Unavailable => "the database is out of reach",
            Self::Timeout => "the database did not answer in time",
            Self::Load => "the load of a cached read failed",
            Self::Other => "the database reported an error",
        }
    }
}

/// An error of a store, of its configuration or of its migrations.
///
/// It has the [kind](Self::kind) of failure, [whether to try again](Self::is_retryable), the
/// [operation](Self::operation), and the cause as its [source](Error::source). It holds no connection string, no
/// password and no row. A clone shares the source.
#[derive(Clone)]
pub struct StoreError(Arc<Repr>);

#[derive(Clone)]
struct Repr {
    kind: StoreErrorKind,
    operation: &'static str,
    context: String,
    before_commit: bool,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StoreError {
    pub(crate) fn new(kind: StoreErrorKind, operation: &'static str, context: impl Into<String>) -> Self {
        Self(Arc::new(Repr { kind, operation, context: context.into(), before_commit: false, source: None }))
    }

    pub(crate) fn invalid_input(operation: &'static str, context: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::InvalidInput, operation, context)
    }

    pub(crate) fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    /// Marks the error as one before the commit, so the database rolls the write back.
    pub(crate) fn before_commit(mut self) -> Self {
        Arc::make_mut(&mut self.0).before_commit = true;
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> StoreErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed if it is repeated.
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// The operation that failed, such as `set_policy`.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The object of the operation, or the expected form. May be empty.
    pub fn context(&self) -> &str {
        &self.0.context
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr { kind, operation, context, .. } = &*self.0;
        write!(f, "{operation}: {}", kind.text())?;
        if context.is_empty() { Ok(()) } else { write!(f, ": {context}") }
    }
}

/// Shows the text of the error and of its causes.
///
/// It does not use the `Debug` of a cause: a driver's shows the values of a refused row.
impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreError({:?}: {self}", self.kind())?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "; caused by: {error}")?;
            cause = error.source();
        }
        f.write_str(")")
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// The operation of errors in variables of the environment.
pub(crate) const READ_CONFIGURATION: &str = "read the configuration";

impl From<cache_core::Error> for StoreError {
    fn from(error: cache_core::Error) -> Self {
        use cache_core::ErrorKind;
        let (kind, operation) = match error.kind() {
            ErrorKind::LoadPanicked | ErrorKind::LoadTimedOut | ErrorKind::LoadRecursion => {
                (StoreErrorKind::Load, "load")
            }
            ErrorKind::Config => return Self::new(StoreErrorKind::Config, READ_CONFIGURATION, error.to_string()),
            _ => (StoreErrorKind::Config, "build the cache"),
        };
        Self::new(kind, operation, "").with_source(error)
    }
}

/// A panic of a load is no outage, and neither is a load that reads its own key.
impl cache_core::LoadError for StoreError {
    fn is_outage(&self) -> bool {
        matches!(self.0.kind, StoreErrorKind::Unavailable | StoreErrorKind::Timeout)
    }
}

impl cache_core::WriteError for StoreError {
    fn not_written(&self) -> bool {
        self.0.before_commit || self.0.kind.rules_a_write_out()
    }
}

#[cfg(test)]
mod tests {
    use cache_core::{LoadError, WriteError};

    use super::*;

    #[test]
    fn only_definite_failures_exclude_a_write() {
        use StoreErrorKind::{Conflict, Constraint, Forbidden, InvalidInput, NotFound};
        let error = |kind| StoreError::new(kind, "set_policy", "");
        for kind in [Constraint, InvalidInput, Conflict, NotFound, Forbidden] {
            assert!(error(kind).not_written(), "{kind:?}");
        }
        for kind in [StoreErrorKind::Unavailable, StoreErrorKind::Timeout, StoreErrorKind::Other] {
            assert!(!error(kind).not_written(), "{kind:?}");
            assert!(error(kind).before_commit().not_written(), "{kind:?}");
        }
    }

    #[test]
    fn only_a_database_without_an_answer_is_an_outage() {
        for kind in [StoreErrorKind::Unavailable, StoreErrorKind::Timeout] {
            assert!(StoreError::new(kind, "get_policy", "").is_outage(), "{kind:?}");
        }
        for kind in
            [StoreErrorKind::NotFound, StoreErrorKind::Forbidden, StoreErrorKind::Corrupt, StoreErrorKind::Other]
        {
            assert!(!StoreError::new(kind, "get_policy", "").is_outage(), "{kind:?}");
        }
    }

    #[test]
    fn the_text_names_operation_kind_and_context() {
        let error = StoreError::invalid_input("list_policies", "the limit is 0");
        assert_eq!(error.to_string(), "list_policies: invalid input: the limit is 0");
        let error = error.with_source(std::io::Error::other("why"));
        assert_eq!(
            format!("{error:?}"),
            "StoreError(InvalidInput: list_policies: invalid input: the limit is 0; caused by: why)"
        );
    }
}
