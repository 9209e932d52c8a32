//! A connection for a write that is over within ten seconds, the life of the lock on what it makes stale.
//!
//! A write is one statement, and so one transaction. It waits four seconds for a connection at most, and then for
//! another writer as long as the connection's `busy_timeout` says, five seconds unless the pool was told otherwise.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool};

use crate::backend::store_error;
use crate::{StoreError, StoreErrorKind};

const TIME_TO_ACQUIRE: Duration = Duration::from_secs(4);

pub(crate) async fn connection_for_write(
    pool: &SqlitePool,
    operation: &'static str,
) -> Result<PoolConnection<Sqlite>, StoreError> {
    let Ok(acquired) = tokio::time::timeout(TIME_TO_ACQUIRE, pool.acquire()).await else {
        let context = format!("no connection was free within {} s", TIME_TO_ACQUIRE.as_secs());
        return Err(StoreError::new(StoreErrorKind::Timeout, operation, context).before_commit());
    };
    acquired.map_err(|error| store_error(operation, error).before_commit())
}
