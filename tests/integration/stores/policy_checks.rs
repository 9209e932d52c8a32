//! The constraints of the policy tables hold for every writer.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Executor, PgPool, Row, SqlitePool};
use stores::policy::{PolicyStore, PostgresPolicyStore, SqlitePolicyStore, TenantPolicy};
use stores::{StoreErrorKind, TenantId};

use super::fixtures;

const TIMES: &str =
    "SELECT CAST(created_at AS text) AS created, CAST(updated_at AS text) AS updated FROM tenant_llm_policies";

const REFUSED: [&str; 5] = [
    "egress_mode = 'Audit'",
    "egress_mode = ''",
    r#"tasks = '{"task": "summarize"}'"#,
    "user_policies = '[]'",
    "tenant_id = NULL",
];

#[tokio::test]
async fn an_update_moves_updated_at_in_postgres() {
    let pool = fixtures::postgres().await;
    let store = PostgresPolicyStore::new(pool.clone());
    let policy = TenantPolicy::new(TenantId::random(), "m", "p");
    store.set_policy(&policy).await.unwrap();
    let first = times(&pool).await;
    store.set_policy(&policy).await.unwrap();
    let second = times(&pool).await;
    assert_eq!(second.0, first.0, "created_at stays");
    assert!(second.1 > first.1, "{second:?} is not after {first:?}");
    pool.execute("UPDATE tenant_llm_policies SET updated_at = 'epoch'").await.unwrap();
    assert!(times(&pool).await.1 > second.1, "a writer cannot set it back");
}

#[tokio::test]
async fn an_update_moves_updated_at_in_sqlite() {
    let (_folder, pool) = fixtures::sqlite().await;
    let store = SqlitePolicyStore::new(pool.clone());
    let policy = TenantPolicy::new(TenantId::random(), "m", "p");
    store.set_policy(&policy).await.unwrap();
    // SQLite's clock has a resolution of milliseconds, so the test sets the time back instead of waiting.
    pool.execute("UPDATE tenant_llm_policies SET updated_at = '2000-01-01T00:00:00.000Z'").await.unwrap();
    store.set_policy(&policy).await.unwrap();
    let row = pool.fetch_one(TIMES).await.unwrap();
    let updated: String = row.get("updated");
    assert!(updated.as_str() > "2001", "{updated}");
}

#[tokio::test]
async fn postgres_refuses_an_invalid_policy() {
    let pool = fixtures::postgres().await;
    PostgresPolicyStore::new(pool.clone()).set_policy(&TenantPolicy::new(TenantId::random(), "m", "p")).await.unwrap();
    for wrong in REFUSED {
        let update = format!("UPDATE tenant_llm_policies SET {wrong}");
        let error = pool.execute(AssertSqlSafe(update)).await.expect_err(wrong);
        let code = error.as_database_error().and_then(|error| error.code().map(Cow::into_owned));
        assert!(matches!(code.as_deref(), Some("23514" | "23502")), "{wrong}: {error}");
    }
}

#[tokio::test]
async fn sqlite_refuses_an_invalid_policy() {
    let (_folder, pool) = fixtures::sqlite().await;
    SqlitePolicyStore::new(pool.clone()).set_policy(&TenantPolicy::new(TenantId::random(), "m", "p")).await.unwrap();
    for wrong in REFUSED.into_iter().chain(["tasks = 'no json'", "tenant_id = 'too short'"]) {
        let update = format!("UPDATE tenant_llm_policies SET {wrong}");
        let error = pool.execute(AssertSqlSafe(update)).await.expect_err(wrong);
        let error = error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default();
        assert!(error.contains("constraint failed"), "{wrong}: {error}");
    }
}

/// A blocked writer gives up long before the lock on its cache entry expires.
#[tokio::test]
async fn a_blocked_write_times_out() {
    let pool = fixtures::postgres().await;
    let store = PostgresPolicyStore::new(pool.clone());
    let policy = TenantPolicy::new(TenantId::random(), "m", "p");
    store.set_policy(&policy).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    other.execute("SELECT FROM tenant_llm_policies FOR UPDATE").await.unwrap();

    let ended = tokio::time::timeout(Duration::from_secs(10), store.set_policy(&policy)).await;
    let error = ended.expect("within ten seconds").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error:?}");
    assert!(cache_core::WriteError::not_written(&error), "nothing was committed");
    other.rollback().await.unwrap();
    store.set_policy(&policy).await.unwrap();
}

#[tokio::test]
async fn a_write_without_a_connection_times_out() {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    stores::migrate(&pool).await.unwrap();
    let taken = pool.acquire().await.unwrap();
    let store = SqlitePolicyStore::new(pool);
    let policy = TenantPolicy::new(TenantId::random(), "m", "p");

    let ended = tokio::time::timeout(Duration::from_secs(10), store.set_policy(&policy)).await;
    let error = ended.expect("within ten seconds").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error:?}");
    assert!(cache_core::WriteError::not_written(&error), "nothing was sent");
    drop(taken);
    store.set_policy(&policy).await.unwrap();
}

/// The write ends long before the pool's own timeout for a blocked writer.
#[tokio::test]
async fn a_blocked_write_to_sqlite_times_out() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("stores.db"))
        .create_if_missing(true)
        .busy_timeout(Duration::from_mins(1));
    let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    stores::migrate(&pool).await.unwrap();
    let other = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let store = SqlitePolicyStore::new(pool);
    let policy = TenantPolicy::new(TenantId::random(), "m", "p");

    let ended = tokio::time::timeout(Duration::from_secs(10), store.set_policy(&policy)).await;
    let error = ended.expect("within ten seconds").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error:?}");
    assert!(cache_core::WriteError::not_written(&error), "nothing was committed");
    other.rollback().await.unwrap();
    assert_eq!(store.get_policy(policy.tenant_id).await.unwrap(), None);
    store.set_policy(&policy).await.unwrap();
}

#[tokio::test]
async fn a_missing_table_is_a_clear_error() {
    let store = PostgresPolicyStore::new(fixtures::empty_postgres().await);
    let error = store.get_policy(TenantId::random()).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Schema, "get_policy"), "{error:?}");
    let (_folder, pool) = fixtures::empty_sqlite().await;
    let error = SqlitePolicyStore::new(pool).count_policies().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Schema, "count_policies"), "{error:?}");
}

#[tokio::test]
async fn a_row_that_does_not_match_its_type_is_named_in_the_error() {
    let (_folder, pool) = fixtures::sqlite().await;
    assert_corrupt(&pool, r#"'[{"task": 1}]'"#).await;
}

async fn assert_corrupt(pool: &SqlitePool, tasks: &'static str) {
    let store = SqlitePolicyStore::new(pool.clone());
    let policy = TenantPolicy::new(TenantId::random(), "m", "p");
    store.set_policy(&policy).await.unwrap();
    pool.execute(AssertSqlSafe(format!("UPDATE tenant_llm_policies SET tasks = {tasks}"))).await.unwrap();
    let error = store.get_policy(policy.tenant_id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
    assert!(!error.is_retryable());
}

async fn times(pool: &PgPool) -> (String, String) {
    let row = pool.fetch_one(TIMES).await.unwrap();
    (row.get("created"), row.get("updated"))
}
