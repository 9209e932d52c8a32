//! The identity of a database, which distinguishes the databases that share a cache.

use crate::{StoreError, StoreErrorKind};

pub(super) const OPERATION: &str = "read the identity of the database";

/// Whether the identity is missing, or this role lacks the right to read it.
pub(super) fn is_withheld(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Permission | StoreErrorKind::Schema)
}

/// The error for a table without a visible row.
///
/// The table is empty, or its policies hide the row from this role.
pub(super) fn no_row() -> StoreError {
    StoreError::new(StoreErrorKind::Schema, OPERATION, "`stores_identity` has no row that this role sees".to_owned())
}

/// Returns the identity, or 0 with a warning if the database withholds it.
///
/// # Errors
///
/// All errors but a missing table, row or right. With an identity of 0 after any other error, this instance would share
/// no entry with the others until its next start.
pub(super) fn or_unknown(read: Result<u128, StoreError>) -> Result<u128, StoreError> {
    match read {
        Ok(identity) => Ok(identity),
        Err(error) if !is_withheld(&error) => Err(error),
        Err(error) => {
            tracing::warn!(
                %error,
                "the identity of the database is not readable: the cache cannot distinguish its rows from those of another \
                 database. Apply the migrations, and let the connected role read the table `stores_identity`. Until then give \
                 each environment that uses the same Redis its own `CACHE_KEY_PREFIX`"
            );
            Ok(0)
        }
    }
}
