//! Which database this is, among those that may share a cache.

use crate::{StoreError, StoreErrorKind};

pub(super) const OPERATION: &str = "read the identity of the database";

/// The identity that was read, or 0 and a warning if the database does not tell it.
///
/// # Errors
///
/// Those of a database that does not answer: with another identity than the other instances, this one would share nothing
/// with them until its next start.
pub(super) fn or_unknown(read: Result<u128, StoreError>) -> Result<u128, StoreError> {
    match read {
        Ok(identity) => Ok(identity),
        Err(error) if matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Timeout) => Err(error),
        Err(error) => {
            tracing::warn!(
                %error,
                "the database does not tell its identity, so the cache cannot tell its rows from those of another database. Apply \
                 the migrations, and let the connected role read the table `stores_identity`. Until then give each environment \
                 that uses the same Redis a `CACHE_KEY_PREFIX` of its own"
            );
            Ok(0)
        }
    }
}
