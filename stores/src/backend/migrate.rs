//! Migrates a database to the schema of this version of the stores.

use std::borrow::Cow;
use std::future::Future;

use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "sqlite")]
use super::sqlite;
use crate::{StoreError, StoreErrorKind};

pub(super) const OPERATION: &str = "migrate";

/// The table of applied migrations.
///
/// An application that shares the schema has its own.
const RECORD: &str = "stores_migrations";

/// The name of a migration's file, and its text.
type File = (&'static str, &'static str);

/// The files of one folder of `migrations`, in their order.
macro_rules! files {
    ($folder:literal: $($name:literal)+) => {
        &[$(($name, include_str!(concat!("../../migrations/", $folder, "/", $name)))),+]
    };
}

#[cfg(feature = "postgres")]
const POSTGRES: &[File] = files!("postgres":
    "0001_tenant_llm_policies.sql"
    "0002_conversation_configs.sql"
    "0003_conversations.sql"
    "0004_stores_identity.sql"
);

#[cfg(feature = "sqlite")]
const SQLITE: &[File] = files!("sqlite":
    "0001_tenant_llm_policies.sql"
    "0002_conversation_configs.sql"
    "0003_conversations.sql"
    "0004_stores_identity.sql"
);

/// A pool whose database [`migrate`] can set up: `PgPool` and `SqlitePool`.
pub trait Migrate: sealed::Sealed {
    #[doc(hidden)]
    fn run_migrations(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Applies the migrations that the database does not have yet. Running it again changes nothing.
///
/// On Postgres the tables are created in the first schema of the pool's `search_path`, except `"$user"`; the schema is
/// created if it is missing. Instances that start at the same time wait for each other, for a minute at most. This
/// needs a direct connection: a pooler in transaction mode cannot hold the lock. On plain Postgres the roles
/// `service_role` and `authenticated` and the function `auth.jwt()` are created; if they exist, as on Supabase, they
/// are not changed.
///
/// # Errors
///
/// [`Permission`](StoreErrorKind::Permission) if the connected role may not create missing objects,
/// [`Schema`](StoreErrorKind::Schema) if another version of these files migrated the database, and the errors of a
/// connection.
///
/// # Cancellation
///
/// Each migration is one transaction: if the future is dropped, the database has all migrations up to the last complete
/// one.
pub async fn migrate<P: Migrate + Sync>(pool: &P) -> Result<(), StoreError> {
    pool.run_migrations().await
}

mod sealed {
    pub trait Sealed {}

    #[cfg(feature = "postgres")]
    impl Sealed for sqlx::PgPool {}
    #[cfg(feature = "sqlite")]
    impl Sealed for sqlx::SqlitePool {}
}

#[cfg(feature = "postgres")]
impl Migrate for sqlx::PgPool {
    async fn run_migrations(&self) -> Result<(), StoreError> {
        postgres::migrate(self, &migrator(POSTGRES)).await
    }
}

#[cfg(feature = "sqlite")]
impl Migrate for sqlx::SqlitePool {
    async fn run_migrations(&self) -> Result<(), StoreError> {
        sqlite::migrate(self, &migrator(SQLITE)).await
    }
}

/// The migrator that sqlx would build from a folder with these files.
fn migrator(files: &[File]) -> Migrator {
    let mut migrator = Migrator::with_migrations(files.iter().copied().map(migration).collect());
    migrator.dangerous_set_table_name(RECORD);
    migrator
}

/// A migration with version, description and checksum from its file.
///
/// `0001_what_it_does.sql` has the version 1, the description "what it does" and the SHA-384 of its text as its checksum.
fn migration((name, sql): File) -> Migration {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let (version, what) = stem.split_once('_').unwrap_or((stem, ""));
    let version = version.parse().unwrap_or_default();
    let description = Cow::Owned(what.replace('_', " "));
    Migration::new(version, description, MigrationType::Simple, SqlStr::from_static(sql), false)
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Compares the embedded files with those that sqlx reads from the folder.
    ///
    /// A difference would be a missing table, or a checksum that existing databases refuse.
    async fn are_those_of(folder: &str, files: &[File]) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
        let read = Migrator::new(folder.as_path()).await.unwrap();
        let embedded = migrator(files);
        let shown = |migrator: &Migrator| {
            let fields = |one: &Migration| {
                let Migration { version, description, migration_type, sql, checksum, no_tx } = one.clone();
                (version, description, migration_type, sql.as_str().to_owned(), checksum, no_tx)
            };
            migrator.iter().map(fields).collect::<Vec<_>>()
        };
        assert!(!shown(&read).is_empty());
        assert_eq!(shown(&embedded), shown(&read));
    }

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn the_files_for_postgres_are_embedded() {
        are_those_of("postgres", POSTGRES).await;
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn the_files_for_sqlite_are_embedded() {
        are_those_of("sqlite", SQLITE).await;
    }

    /// A database that an earlier version migrated holds these sums.
    #[cfg(feature = "sqlite")]
    #[test]
    fn a_checksum_is_the_sha384_of_the_file() {
        let first = migration(SQLITE[0]);
        let sum = first.checksum.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(
            sum,
            "998007d2ba72aa03e82c560b587609c6890674ff6807124f46a8162776ef3718c692f1209987abddafc2328bb535af3b"
        );
    }
}
