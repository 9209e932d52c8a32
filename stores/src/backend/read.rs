//! Reads outside of a transaction, with a second attempt if the connection was closed.

use sqlx::Pool;

use super::{Dialect, Reads, Statement, store_error};
use crate::StoreError;

/// Reads all rows of a statement.
pub(crate) async fn read_all<T, DB: Dialect + Reads<T>>(
    pool: &Pool<DB>,
    operation: &'static str,
    statement: Statement<'_>,
) -> Result<Vec<T>, StoreError> {
    let read = match attempt(pool, &statement).await {
        Err(error) => again(pool, &statement, error).await,
        read => read,
    };
    let rows = read.and_then(|rows| rows.iter().map(DB::read).collect());
    rows.map_err(|error| store_error(operation, error))
}

/// Reads the row of a statement that returns at most one.
pub(crate) async fn read_optional<T, DB: Dialect + Reads<T>>(
    pool: &Pool<DB>,
    operation: &'static str,
    statement: Statement<'_>,
) -> Result<Option<T>, StoreError> {
    Ok(read_all(pool, operation, statement).await?.pop())
}

async fn attempt<DB: Dialect>(pool: &Pool<DB>, statement: &Statement<'_>) -> Result<Vec<DB::Row>, sqlx::Error> {
    DB::fetch(&mut *pool.acquire().await?, statement).await
}

async fn again<DB: Dialect>(
    pool: &Pool<DB>,
    statement: &Statement<'_>,
    error: sqlx::Error,
) -> Result<Vec<DB::Row>, sqlx::Error> {
    DB::fetch(&mut *DB::reconnect(pool, error).await?, statement).await
}
