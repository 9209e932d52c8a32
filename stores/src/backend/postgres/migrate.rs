//! Migrations, in the schema that the pool's `search_path` names.

use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool};

use crate::backend::migrate::{OPERATION, migrate_error};
use crate::backend::store_error;
use crate::{StoreError, StoreErrorKind};

/// Bounds the wait for the lock of another instance that migrates.
///
/// An instance that holds the lock for longer is stuck.
const BOUND_THE_WAIT: &str = "SET lock_timeout = '60s'";

/// Queries the first schema of the search path, whether it exists or not.
///
/// `"$user"` is skipped: its schema is used only if it exists.
const WANTED_SCHEMA: &str = r#"
    SELECT wanted, pg_catalog.quote_ident(wanted), pg_catalog.to_regnamespace(pg_catalog.quote_ident(wanted)) IS NOT NULL
    FROM (
        SELECT pg_catalog.parse_ident(entry) AS names, position
        FROM pg_catalog.regexp_split_to_table(pg_catalog.current_setting('search_path'), '\s*,\s*')
             WITH ORDINALITY AS path (entry, position)
        WHERE entry <> '' AND entry NOT IN ('"$user"', '$user')
    ) AS path, LATERAL (SELECT path.names[1]) AS first (wanted)
    ORDER BY path.position
    LIMIT 1
"#;

pub(in crate::backend) async fn migrate(pool: &PgPool, migrator: &Migrator) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await.map_err(failed)?;
    // A failed or dropped run leaves the session's lock held: the connection must not return to the pool with it.
    connection.close_on_drop();
    connection.execute(BOUND_THE_WAIT).await.map_err(failed)?;
    create_schema(&mut connection).await?;
    // Not `run`: its future is not `Send` for a borrowed connection.
    migrator.run_direct(None, &mut *connection, false).await.map_err(migrate_error)
}

async fn create_schema(connection: &mut PgConnection) -> Result<(), StoreError> {
    let Some((name, quoted, exists)) = wanted_schema(connection).await? else {
        return Err(StoreError::new(StoreErrorKind::Config, OPERATION, "the pool's search_path names no schema"));
    };
    if exists {
        return Ok(());
    }
    match connection.execute(AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {quoted}"))).await {
        Ok(_) => Ok(()),
        // Another instance made it between our two statements.
        Err(error) if is_duplicate(&error) => Ok(()),
        Err(error) => {
            let context = format!("the schema `{name}` does not exist, and could not be created");
            Err(StoreError::new(failed_kind(&error), OPERATION, context).with_source(error))
        }
    }
}

async fn wanted_schema(connection: &mut PgConnection) -> Result<Option<(String, String, bool)>, StoreError> {
    sqlx::query_as(WANTED_SCHEMA).persistent(false).fetch_optional(connection).await.map_err(failed)
}

fn is_duplicate(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("23505" | "42P06"))
}

fn failed_kind(error: &sqlx::Error) -> StoreErrorKind {
    crate::backend::errors::kind(error)
}

fn failed(error: sqlx::Error) -> StoreError {
    store_error(OPERATION, error)
}
