//! A transaction that ends within ten seconds, even if the process dies.
//!
//! A cached scope is locked from before a write until its outcome is known, and for ten seconds if its writer is lost.
//! Readers would miss a later commit. So a write that does not commit within its budget is abandoned, and the database
//! ends it if the process does not.

use std::future::Future;
use std::time::{Duration, Instant};

use sqlx::query::Query;
use sqlx::{Database, Executor, IntoArguments, Pool, Transaction};

use super::store_error;
use crate::{StoreError, StoreErrorKind};

/// A database whose writes have a time limit.
pub(crate) trait TimedWrites: Database {
    /// Begins the transaction, in one round trip.
    const BEGIN: &'static str;

    /// The latest commit of a write, counted from before its wait for a connection.
    const BUDGET: Duration;

    /// Begins the transaction with [`BEGIN`](Self::BEGIN).
    fn begin(pool: &Pool<Self>) -> impl Future<Output = Result<Transaction<'static, Self>, sqlx::Error>> + Send;

    fn rows_affected(done: &Self::QueryResult) -> u64;
}

/// Settings with which the server itself ends a transaction.
///
/// It cancels a statement after three seconds, and ends the transaction of a client that is idle for one and a half.
/// The settings end with the transaction.
#[cfg(feature = "postgres")]
impl TimedWrites for sqlx::Postgres {
    const BEGIN: &'static str = "BEGIN; \
                                 SET LOCAL statement_timeout = '3s'; \
                                 SET LOCAL lock_timeout = '2s'; \
                                 SET LOCAL idle_in_transaction_session_timeout = '1500ms'";
    const BUDGET: Duration = Duration::from_secs(5);

    async fn begin(pool: &Pool<Self>) -> Result<Transaction<'static, Self>, sqlx::Error> {
        super::postgres::begin(pool, Self::BEGIN).await
    }

    fn rows_affected(done: &Self::QueryResult) -> u64 {
        done.rows_affected()
    }
}

/// A begin that waits for the other writer, so that no statement has to.
///
/// A commit may wait once more, for readers of a database without a write-ahead log, for at most the pool's
/// `busy_timeout`, 5 s by default.
#[cfg(feature = "sqlite")]
impl TimedWrites for sqlx::Sqlite {
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const BUDGET: Duration = Duration::from_secs(4);

    async fn begin(pool: &Pool<Self>) -> Result<Transaction<'static, Self>, sqlx::Error> {
        pool.begin_with(Self::BEGIN).await
    }

    fn rows_affected(done: &Self::QueryResult) -> u64 {
        done.rows_affected()
    }
}

/// A write of one statement. Returns how many rows it touched.
pub(crate) async fn write_one<DB>(
    pool: &Pool<DB>,
    operation: &'static str,
    statement: Query<'_, DB, DB::Arguments>,
) -> Result<u64, StoreError>
where
    DB: TimedWrites,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut write = Write::begin(pool, operation).await?;
    let touched = write.execute(statement).await?;
    write.commit().await?;
    Ok(touched)
}

/// A write in progress. Dropping it undoes it.
pub(crate) struct Write<DB: TimedWrites> {
    transaction: Transaction<'static, DB>,
    operation: &'static str,
    started: Instant,
}

impl<DB: TimedWrites> Write<DB> {
    /// Waits for a connection and begins the transaction.
    pub(crate) async fn begin(pool: &Pool<DB>, operation: &'static str) -> Result<Self, StoreError> {
        let started = Instant::now();
        match tokio::time::timeout(DB::BUDGET, DB::begin(pool)).await {
            Ok(Ok(transaction)) => Ok(Self { transaction, operation, started }),
            Ok(Err(error)) => Err(undone(operation, error)),
            Err(_) => Err(too_late::<DB>(operation, "no connection was free, or another writer did not end")),
        }
    }

    /// Runs one statement of the write. Returns how many rows it touched.
    pub(crate) async fn execute(&mut self, statement: Query<'_, DB, DB::Arguments>) -> Result<u64, StoreError>
    where
        DB::Arguments: IntoArguments<DB>,
        for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    {
        let done = statement.execute(self.connection()).await;
        done.map(|done| DB::rows_affected(&done)).map_err(|error| undone(self.operation, error))
    }

    /// The connection, for statements that return rows. [`undone`] maps their errors.
    pub(crate) fn connection(&mut self) -> &mut DB::Connection {
        &mut self.transaction
    }

    /// Commits, unless the write's time is over.
    ///
    /// Only an error of the commit itself leaves the outcome unknown.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let Self { transaction, operation, started } = self;
        if started.elapsed() > DB::BUDGET {
            return Err(too_late::<DB>(operation, "the statements took too long"));
        }
        transaction.commit().await.map_err(|error| store_error(operation, error))
    }
}

/// Maps an error before the commit, which means that nothing is written.
pub(crate) fn undone(operation: &'static str, error: sqlx::Error) -> StoreError {
    store_error(operation, error).before_commit()
}

fn too_late<DB: TimedWrites>(operation: &'static str, why: &str) -> StoreError {
    let context = format!("{why}; a write is given up after {} s", DB::BUDGET.as_secs());
    StoreError::new(StoreErrorKind::Timeout, operation, context).before_commit()
}
