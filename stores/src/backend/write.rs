//! A transaction that ends within ten seconds, even if the process dies.
//!
//! A cached scope is locked from before a write until its outcome is known, and for ten seconds if its writer is lost.
//! Readers would miss a later commit. So a write that does not commit within its budget is abandoned, and the database
//! ends it if the process does not.

use std::time::Instant;

use sqlx::{Pool, Transaction};

use super::{Dialect, Reads, Statement, store_error};
use crate::{StoreError, StoreErrorKind};

/// A write of one statement. Returns how many rows it touched.
pub(crate) async fn write_one<DB: Dialect>(
    pool: &Pool<DB>,
    operation: &'static str,
    statement: Statement<'_>,
) -> Result<u64, StoreError> {
    let mut write = Write::begin(pool, operation).await?;
    let touched = write.execute(statement).await?;
    write.commit().await?;
    Ok(touched)
}

/// A write in progress. Dropping it undoes it.
pub(crate) struct Write<DB: Dialect> {
    transaction: Transaction<'static, DB>,
    operation: &'static str,
    started: Instant,
}

impl<DB: Dialect> Write<DB> {
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
    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        let done = DB::execute(&mut self.transaction, &statement).await;
        done.map_err(|error| undone(self.operation, error))
    }

    /// Reads the row of a statement that returns at most one.
    pub(crate) async fn read_optional<T>(&mut self, statement: Statement<'_>) -> Result<Option<T>, StoreError>
    where
        DB: Reads<T>,
    {
        let read = DB::fetch(&mut self.transaction, &statement).await;
        let row = read.and_then(|rows| rows.first().map(DB::read).transpose());
        row.map_err(|error| undone(self.operation, error))
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
fn undone(operation: &'static str, error: sqlx::Error) -> StoreError {
    store_error(operation, error).before_commit()
}

fn too_late<DB: Dialect>(operation: &'static str, why: &str) -> StoreError {
    let context = format!("{why}; a write is given up after {} s", DB::BUDGET.as_secs());
    StoreError::new(StoreErrorKind::Timeout, operation, context).before_commit()
}
