//! The identity of a database, which distinguishes the databases that share a cache.

use crate::{StoreError, StoreErrorKind};

pub(super) const OPERATION: &str = "read the identity of the database";

/// Whether the database answered that this role may not know its identity, or that it has none.
pub(super) fn is_withheld(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Permission | StoreErrorKind::Schema)
}

/// The table shows no row: it is empty, or its policies hide the row from this role.
pub(super) fn no_row() -> StoreError {
    StoreError::new(StoreErrorKind::Schema, OPERATION, "`stores_identity` has no row that this role sees".to_owned())
}

/// The identity that was read, or 0 and a warning if the database does not tell it.
///
/// # Errors
///
/// All but a missing table, row or right: with another identity than the other instances, this one would share nothing with
/// them until its next start.
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
