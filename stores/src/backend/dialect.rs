//! The differences between the databases that the code of all stores uses.

use std::future::Future;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, FromRow, Pool, Transaction};

use super::Statement;

/// A database that the stores run on.
///
/// Its methods are implemented for each driver, so that the bounds of sqlx on arguments and executors appear nowhere
/// else.
pub(crate) trait Dialect: Database {
    /// The latest commit of a write, counted from before its wait for a connection.
    const BUDGET: Duration;

    /// Begins the transaction of a write, in one round trip.
    fn begin(pool: &Pool<Self>) -> impl Future<Output = Result<Transaction<'static, Self>, sqlx::Error>> + Send;

    /// Returns a connection for a second attempt of a read, or its error if a second attempt is useless.
    fn reconnect(
        pool: &Pool<Self>,
        error: sqlx::Error,
    ) -> impl Future<Output = Result<PoolConnection<Self>, sqlx::Error>> + Send;

    /// Runs a statement that returns rows.
    fn fetch(
        connection: &mut Self::Connection,
        statement: &Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Runs a statement that changes rows. Returns how many.
    fn execute(
        connection: &mut Self::Connection,
        statement: &Statement<'_>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;
}

/// A database whose rows can be read as `T`.
///
/// It is [`FromRow`] with the database as its subject: as a supertrait of a store's dialect it is implied by a bound on
/// that dialect, which a bound on `T` would not be.
pub(crate) trait Reads<T>: Database {
    fn read(row: &Self::Row) -> Result<T, sqlx::Error>;
}

impl<T, DB> Reads<T> for DB
where
    DB: Database,
    T: for<'r> FromRow<'r, DB::Row>,
{
    fn read(row: &DB::Row) -> Result<T, sqlx::Error> {
        T::from_row(row)
    }
}
