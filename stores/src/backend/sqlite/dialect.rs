//! SQLite as a database of the stores.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::types::Json;
use sqlx::{Arguments as _, Sqlite, SqlitePool, Transaction};

use crate::backend::{Argument, Dialect, Statement};

/// Begins a write, and waits for the other writer, so that no statement has to.
const BEGIN: &str = "BEGIN IMMEDIATE";

impl Dialect for Sqlite {
    /// A commit may wait once more, for readers of a database without a write-ahead log, for at most the pool's
    /// `busy_timeout`, 5 s by default.
    const BUDGET: Duration = Duration::from_secs(4);

    async fn begin(pool: &SqlitePool) -> Result<Transaction<'static, Self>, sqlx::Error> {
        pool.begin_with(BEGIN).await
    }

    /// No server can close a connection.
    async fn reconnect(_: &SqlitePool, error: sqlx::Error) -> Result<PoolConnection<Self>, sqlx::Error> {
        Err(error)
    }

    async fn fetch(
        connection: &mut SqliteConnection,
        statement: &Statement<'_>,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        sqlx::query_with(statement.text, arguments(statement)?).fetch_all(connection).await
    }

    async fn execute(connection: &mut SqliteConnection, statement: &Statement<'_>) -> Result<u64, sqlx::Error> {
        let done = sqlx::query_with(statement.text, arguments(statement)?).execute(connection).await?;
        Ok(done.rows_affected())
    }
}

fn arguments(statement: &Statement<'_>) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for argument in &statement.arguments {
        match argument {
            Argument::Id(id) => arguments.add(id),
            // SQLite has no arrays: a JSON array of hexadecimal digits.
            Argument::Ids(ids) => {
                let digits: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
                arguments.add(Json(digits))
            }
            Argument::Text(text) => arguments.add(text),
            Argument::Flag(flag) => arguments.add(flag),
            Argument::Integer(integer) => arguments.add(integer),
            Argument::Number(number) => arguments.add(number),
            Argument::Time(time) => arguments.add(time.map(text)),
            Argument::Json(document) => arguments.add(document),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A time as text, always 27 characters, so that texts sort like times.
fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_time_has_one_width() {
        let times = [0, 1, 999_999, 1_000_000, -62_135_596_800_000_000, 253_402_300_799_000_000];
        for micros in times {
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            assert_eq!(text(time).len(), 27, "{}", text(time));
            assert_eq!(text(time).parse::<DateTime<Utc>>().unwrap(), time);
        }
        assert_eq!(text(DateTime::from_timestamp_micros(1).unwrap()), "1970-01-01T00:00:00.000001Z");
    }
}
