//! Databases with the tables, and waiting for other tasks.

use std::time::{Duration, Instant};

use cache_tests::PostgresServer;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use tempfile::TempDir;

pub(crate) const SCHEMA: &str = "copilot_internal";

/// A pool for an empty database, whose `search_path` names a missing schema.
pub(super) async fn empty_postgres() -> PgPool {
    let database = PostgresServer::shared().create_database().await;
    pool(&database.url_with_schema(SCHEMA)).await
}

/// A pool for a database with the tables.
pub(crate) async fn postgres() -> PgPool {
    let pool = empty_postgres().await;
    stores::migrate(&pool).await.unwrap();
    pool
}

pub(crate) async fn pool(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(5).connect(url).await.unwrap()
}

/// A pool for an empty file in a folder; dropping the first value deletes it.
pub(super) async fn empty_sqlite() -> (TempDir, SqlitePool) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("stores.db"))
        .create_if_missing(true)
        // No data of a test needs to survive a power cut.
        .synchronous(SqliteSynchronous::Off);
    let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    (folder, pool)
}

/// The same with the tables.
pub(crate) async fn sqlite() -> (TempDir, SqlitePool) {
    let (folder, pool) = empty_sqlite().await;
    stores::migrate(&pool).await.unwrap();
    (folder, pool)
}

/// Waits for a state that other tasks bring about, and panics if they do not.
pub(crate) async fn until(holds: impl AsyncFn() -> bool) {
    let limit = Duration::from_secs(20);
    let deadline = Instant::now() + limit;
    while !holds().await {
        assert!(Instant::now() < deadline, "it did not come to be within {limit:?}");
        tokio::task::yield_now().await;
    }
}
