//! SQLite: one file, one process.

mod dialect;
mod identity;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

pub(crate) use identity::identity;

use super::migrate::migrate_error;
use super::store_error;
use crate::StoreError;
use crate::config::Keeps;

/// Opens a database, and creates its file if that is missing.
pub(crate) async fn connect(options: SqliteConnectOptions, keeps: Keeps) -> Result<SqlitePool, StoreError> {
    let options = options
        .create_if_missing(true)
        // Readers do not wait for a writer, nor the writer for readers.
        .journal_mode(SqliteJournalMode::Wal);
    pool_options(keeps).connect_with(options).await.map_err(|error| store_error("connect to SQLite", error))
}

/// The options of a pool: for `:memory:`, one connection that is never closed.
///
/// Each connection to `:memory:` has a database of its own.
fn pool_options(keeps: Keeps) -> SqlitePoolOptions {
    let options = SqlitePoolOptions::new();
    match keeps {
        Keeps::File => options,
        Keeps::Nothing => options.min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None),
    }
}

pub(in crate::backend) async fn migrate(pool: &SqlitePool, migrator: &Migrator) -> Result<(), StoreError> {
    migrator.run(pool).await.map_err(migrate_error)
}
