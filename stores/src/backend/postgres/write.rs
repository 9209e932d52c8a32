//! A transaction that is over within ten seconds, whatever becomes of the process.
//!
//! A cached scope stays locked from before a write until its outcome is known, and for ten seconds when its writer is
//! lost. A commit later than that would be missed by readers. So the server ends the transaction by itself: a statement
//! after three seconds, a client that says nothing after one and a half. Five seconds after the write began it is not
//! told to commit any more.

use std::time::{Duration, Instant};

use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::backend::store_error;
use crate::{StoreError, StoreErrorKind};

/// One round trip: the settings end with the transaction.
const BEGIN: &str = "BEGIN; \
                     SET LOCAL statement_timeout = '3s'; \
                     SET LOCAL lock_timeout = '2s'; \
                     SET LOCAL idle_in_transaction_session_timeout = '1500ms'";

/// How long after its begin a write may be told to commit: the wait for a connection counts.
const BUDGET: Duration = Duration::from_secs(5);

/// A write in progress. Dropping it undoes it.
pub(crate) struct Write {
    transaction: Transaction<'static, Postgres>,
    operation: &'static str,
    started: Instant,
}

impl Write {
    /// Waits for a connection and begins the transaction.
    pub(crate) async fn begin(pool: &PgPool, operation: &'static str) -> Result<Self, StoreError> {
        let started = Instant::now();
        match tokio::time::timeout(BUDGET, pool.begin_with(BEGIN)).await {
            Ok(Ok(transaction)) => Ok(Self { transaction, operation, started }),
            Ok(Err(error)) => Err(store_error(operation, error).before_commit()),
            Err(_) => Err(too_late(operation, "no connection was free")),
        }
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// What an error of a statement of this write means: nothing is written, since nothing was committed.
    pub(crate) fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
        move |error| store_error(operation, error).before_commit()
    }

    /// Commits, unless the write's time is over. Only an error of the commit itself leaves the outcome open.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let Self { transaction, operation, started } = self;
        if started.elapsed() > BUDGET {
            return Err(too_late(operation, "the statements took too long"));
        }
        transaction.commit().await.map_err(|error| store_error(operation, error))
    }
}

fn too_late(operation: &'static str, why: &str) -> StoreError {
    let context = format!("{why}; a write is given up after {} s", BUDGET.as_secs());
    StoreError::new(StoreErrorKind::Timeout, operation, context).before_commit()
}
