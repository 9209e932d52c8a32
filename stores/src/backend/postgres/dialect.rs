//! Postgres as a database of the stores.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Arguments as _, PgPool, Postgres, Transaction};

use super::retry;
use crate::backend::{Argument, Dialect, Statement};

/// Begins a write, with settings by which the server itself ends its transaction.
///
/// It cancels a statement after three seconds, and ends the transaction of a client that is idle for one and a half.
/// The settings end with the transaction.
const BEGIN: &str = "BEGIN; \
                     SET LOCAL statement_timeout = '3s'; \
                     SET LOCAL lock_timeout = '2s'; \
                     SET LOCAL idle_in_transaction_session_timeout = '1500ms'";

impl Dialect for Postgres {
    const BUDGET: Duration = Duration::from_secs(5);

    async fn begin(pool: &PgPool) -> Result<Transaction<'static, Self>, sqlx::Error> {
        retry::begin(pool, BEGIN).await
    }

    async fn reconnect(pool: &PgPool, error: sqlx::Error) -> Result<PoolConnection<Self>, sqlx::Error> {
        retry::reconnect(pool, error).await
    }

    async fn fetch(connection: &mut PgConnection, statement: &Statement<'_>) -> Result<Vec<PgRow>, sqlx::Error> {
        sqlx::query_with(statement.text, arguments(statement)?).fetch_all(connection).await
    }

    async fn execute(connection: &mut PgConnection, statement: &Statement<'_>) -> Result<u64, sqlx::Error> {
        let done = sqlx::query_with(statement.text, arguments(statement)?).execute(connection).await?;
        Ok(done.rows_affected())
    }
}

fn arguments(statement: &Statement<'_>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for argument in &statement.arguments {
        match argument {
            Argument::Id(id) => arguments.add(id),
            Argument::Ids(ids) => arguments.add(ids),
            Argument::Text(text) => arguments.add(text),
            Argument::Flag(flag) => arguments.add(flag),
            // Postgres has no unsigned integers.
            Argument::Integer(integer) => arguments.add(integer.map(i64::from)),
            Argument::Number(number) => arguments.add(number),
            Argument::Time(time) => arguments.add(time),
            Argument::Json(document) => arguments.add(document),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
