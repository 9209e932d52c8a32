//! Maps errors of the driver to store errors.

use sqlx::error::{DatabaseError, ErrorKind as DriverKind};

use crate::{StoreError, StoreErrorKind};

/// Wraps an error of the driver for `operation`.
pub(crate) fn store_error(operation: &'static str, error: sqlx::Error) -> StoreError {
    let context = error.as_database_error().map(violated_constraint).unwrap_or_default();
    StoreError::new(kind(&error), operation, context).with_source(error)
}

fn violated_constraint(error: &dyn DatabaseError) -> String {
    error.constraint().map(|name| format!("constraint `{name}`")).unwrap_or_default()
}

pub(super) fn kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::Database(error) => database_kind(&**error),
        sqlx::Error::Configuration(_) | sqlx::Error::InvalidArgument(_) => StoreErrorKind::Config,
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::BeginFailed
        | sqlx::Error::WorkerCrashed => StoreErrorKind::Unavailable,
        sqlx::Error::PoolTimedOut => StoreErrorKind::Timeout,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreErrorKind::Corrupt,
        sqlx::Error::ColumnNotFound(_) | sqlx::Error::TypeNotFound { .. } => StoreErrorKind::Schema,
        _ => StoreErrorKind::Other,
    }
}

fn database_kind(error: &dyn DatabaseError) -> StoreErrorKind {
    if !matches!(error.kind(), DriverKind::Other) {
        return StoreErrorKind::Constraint;
    }
    let code = error.code().unwrap_or_default();
    #[cfg(feature = "postgres")]
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return sqlstate_kind(&code);
    }
    #[cfg(feature = "sqlite")]
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return sqlite_kind(code.parse().unwrap_or_default());
    }
    StoreErrorKind::Other
}

/// Classes of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
#[cfg(feature = "postgres")]
fn sqlstate_kind(code: &str) -> StoreErrorKind {
    match (code.get(..2).unwrap_or_default(), code) {
        // Cancelled by `statement_timeout`; no lock within `lock_timeout`.
        (_, "57014" | "55P03") => StoreErrorKind::Timeout,
        ("08" | "53" | "57" | "58", _) | (_, "25P03") => StoreErrorKind::Unavailable,
        ("22", _) => StoreErrorKind::InvalidInput,
        ("23" | "44", _) => StoreErrorKind::Constraint,
        ("40", _) if code != "40003" => StoreErrorKind::Conflict,
        ("28", _) | (_, "42501") => StoreErrorKind::Permission,
        ("42" | "3F" | "3D", _) => StoreErrorKind::Schema,
        _ => StoreErrorKind::Other,
    }
}

/// The low byte is the primary code of <https://www.sqlite.org/rescode.html>.
#[cfg(feature = "sqlite")]
fn sqlite_kind(code: i32) -> StoreErrorKind {
    match code & 0xff {
        1 => StoreErrorKind::Schema,                 // SQLITE_ERROR: no such table or column
        3 | 8 | 23 => StoreErrorKind::Permission,    // SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH
        5 | 6 => StoreErrorKind::Timeout,            // SQLITE_BUSY, SQLITE_LOCKED
        10 | 13 | 14 => StoreErrorKind::Unavailable, // SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
        11 | 26 => StoreErrorKind::Corrupt,          // SQLITE_CORRUPT, SQLITE_NOTADB
        18 | 20 => StoreErrorKind::InvalidInput,     // SQLITE_TOOBIG, SQLITE_MISMATCH
        19 => StoreErrorKind::Constraint,            // SQLITE_CONSTRAINT
        _ => StoreErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "postgres")]
    #[test]
    fn codes_of_postgres_are_classified() {
        for (code, kind) in [
            ("57014", StoreErrorKind::Timeout),
            ("55P03", StoreErrorKind::Timeout),
            ("57P01", StoreErrorKind::Unavailable),
            ("25P03", StoreErrorKind::Unavailable),
            ("08006", StoreErrorKind::Unavailable),
            ("22021", StoreErrorKind::InvalidInput),
            ("40001", StoreErrorKind::Conflict),
            ("40003", StoreErrorKind::Other),
            ("42501", StoreErrorKind::Permission),
            ("42P01", StoreErrorKind::Schema),
            ("", StoreErrorKind::Other),
        ] {
            assert_eq!(sqlstate_kind(code), kind, "{code}");
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn codes_of_sqlite_are_classified_by_their_low_byte() {
        assert_eq!(sqlite_kind(5), StoreErrorKind::Timeout);
        assert_eq!(sqlite_kind(517), StoreErrorKind::Timeout, "SQLITE_BUSY_SNAPSHOT");
        assert_eq!(sqlite_kind(275), StoreErrorKind::Constraint, "SQLITE_CONSTRAINT_CHECK");
    }
}
