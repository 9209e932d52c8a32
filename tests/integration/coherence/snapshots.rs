//! R18: a load inside a transaction may read old or uncommitted data.
//!
//! Nothing is cached inside transactions: no method of a store takes one, and each load is its own statement, which
//! reads committed data.

use cache_tests::RedisServer;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgPool};
use stores::TenantId;
use stores::policy::{PolicyStore, PostgresPolicyStore, TenantPolicy};

use super::policies::{Policies, row};
use super::sync_points::until;
use crate::stores::fixtures;
use cache_tests::PostgresServer;

/// A database with one policy.
struct Database {
    url: String,
    pool: PgPool,
    tenant: TenantId,
}

impl Database {
    async fn start() -> Self {
        let url = PostgresServer::shared().create_database().await.url_with_schema(fixtures::SCHEMA);
        let pool = fixtures::pool(&url).await;
        stores::migrate(&pool).await.unwrap();
        let database = Self { url, pool, tenant: TenantId::random() };
        database.store().set_policy(&database.policy("old")).await.unwrap();
        database
    }

    fn store(&self) -> PostgresPolicyStore {
        PostgresPolicyStore::new(self.pool.clone())
    }

    fn policy(&self, model: &str) -> TenantPolicy {
        TenantPolicy::new(self.tenant, model, "local")
    }

    /// Returns a pool whose only connection is inside a transaction with a snapshot.
    async fn transaction(&self) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(1).connect(&self.url).await.unwrap();
        pool.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
        assert_eq!(row(&PostgresPolicyStore::new(pool.clone()), self.tenant).await, "old", "the snapshot is taken");
        pool
    }
}

/// Loads through `loads`, whose snapshot may predate a write.
///
/// Returns what another instance reads.
async fn read_after_the_write(database: &Database, loads: PgPool) -> String {
    let redis = RedisServer::start();
    let writer = Policies::new(&redis, database.store()).await;
    writer.store.set_policy(&database.policy("new")).await.unwrap();
    let reader = Policies::new(&redis, PostgresPolicyStore::new(loads)).await;
    reader.model(database.tenant).await;
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    Policies::new(&redis, database.store()).await.model(database.tenant).await
}

#[tokio::test]
async fn r18_a_load_sees_no_old_snapshot() {
    let database = Database::start().await;
    let _transaction = database.transaction().await;
    assert_eq!(read_after_the_write(&database, database.pool.clone()).await, "new");
    let database = Database::start().await;
    let transaction = database.transaction().await;
    let seen = read_after_the_write(&database, transaction).await;
    assert_eq!(seen, "old", "the control, a load inside of the transaction, must bring the old row");
}

/// Loads while a transaction has changed the row, and rolls that transaction back.
///
/// Returns what another instance reads.
async fn read_before_the_rollback(loads_inside: bool) -> String {
    let (database, redis) = (Database::start().await, RedisServer::start());
    let transaction = database.transaction().await;
    let update = sqlx::query("UPDATE tenant_llm_policies SET default_model = 'never' WHERE tenant_id = $1");
    let done = update.bind(database.tenant).execute(&transaction).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    let loads = if loads_inside { transaction.clone() } else { database.pool.clone() };
    let reader = Policies::new(&redis, PostgresPolicyStore::new(loads)).await;
    reader.model(database.tenant).await;
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    transaction.execute("ROLLBACK").await.unwrap();
    Policies::new(&redis, database.store()).await.model(database.tenant).await
}

#[tokio::test]
async fn r18_a_load_sees_no_value_that_is_rolled_back_later() {
    assert_eq!(read_before_the_rollback(false).await, "old");
    assert_eq!(read_before_the_rollback(true).await, "never", "the control must read the uncommitted value");
}

/// The same with snapshots as the default: a load ends with its statement.
#[tokio::test]
async fn r18_holds_if_repeatable_read_is_the_default() {
    let database = Database::start().await;
    let options = PgPoolOptions::new().max_connections(1).after_connect(|connection, _| {
        Box::pin(
            async move { connection.execute("SET default_transaction_isolation = 'repeatable read'").await.map(drop) },
        )
    });
    let pool = options.connect(&database.url).await.unwrap();
    assert_eq!(row(&PostgresPolicyStore::new(pool.clone()), database.tenant).await, "old");
    assert_eq!(read_after_the_write(&database, pool).await, "new");
}
