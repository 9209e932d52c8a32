//! The identity of a database, which distinguishes the databases that share a cache.

use crate::{StoreError, StoreErrorKind};

pub(super) const OPERATION: &str = "read the identity of the database";

/// Returns the identity that was read; logs a warning and returns 0 if unreadable.
///
/// # Errors
///
/// If the database is unavailable or times out. With another identity than the other instances, this one would share no
/// entry with them until its next start.
pub(super) fn or_unknown(read: Result<u128, StoreError>) -> Result<u128, StoreError> {
    match read {
        Ok(identity) => Ok(identity),
        Err(error) if matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Timeout) => Err(error),
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
