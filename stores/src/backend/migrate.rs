//! Bringing a database to the schema that this version of the stores reads and writes.

use std::future::Future;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{PgPool, SqlitePool};

use super::{postgres, sqlite};
use crate::{StoreError, StoreErrorKind};

pub(super) const OPERATION: &str = "migrate";

/// Keeps the record of the applied migrations apart from that of an application which shares the schema.
const RECORD: &str = "stores_migrations";

/// A pool whose database [`migrate`] knows how to set up: `PgPool` and `SqlitePool`.
pub trait Migrate: sealed::Sealed {
    #[doc(hidden)]
    fn run_migrations(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Applies the migrations that the database does not have yet. Running it again changes nothing.
///
/// On Postgres the tables go to the first schema of the pool's `search_path`, which is created when it is missing;
/// `"$user"` is passed over. Instances that start at once wait for each other, for a minute at most. It needs a direct
/// connection: a pooler in transaction mode cannot hold the lock. On plain Postgres the roles `service_role` and
/// `authenticated` and the function `auth.jwt()` are created; where they exist, as on Supabase, they stay as they are.
///
/// # Errors
///
/// [`Permission`](StoreErrorKind::Permission) where the connected role may not create what is missing,
/// [`Schema`](StoreErrorKind::Schema) where the database was migrated by another version of these files, and the
/// errors of a connection.
///
/// # Cancellation
///
/// Each migration is one transaction: dropping the future leaves the database at the last one that was whole.
pub async fn migrate<P: Migrate + Sync>(pool: &P) -> Result<(), StoreError> {
    pool.run_migrations().await
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for sqlx::PgPool {}
    impl Sealed for sqlx::SqlitePool {}
}

impl Migrate for PgPool {
    async fn run_migrations(&self) -> Result<(), StoreError> {
        postgres::migrate(self, &recorded(sqlx::migrate!("../migrations/postgres"))).await
    }
}

impl Migrate for SqlitePool {
    async fn run_migrations(&self) -> Result<(), StoreError> {
        sqlite::migrate(self, &recorded(sqlx::migrate!("../migrations/sqlite"))).await
    }
}

fn recorded(mut migrator: Migrator) -> Migrator {
    migrator.dangerous_set_table_name(RECORD);
    migrator
}

pub(super) fn migrate_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => super::store_error(OPERATION, error),
        MigrateError::ExecuteMigration(error, version) => {
            let inner = super::store_error(OPERATION, error);
            StoreError::new(inner.kind(), OPERATION, format!("migration {version:04}")).with_source(inner)
        }
        other => StoreError::new(StoreErrorKind::Schema, OPERATION, "").with_source(other),
    }
}
