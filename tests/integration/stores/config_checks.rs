//! The constraints of the configuration tables hold for every writer.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, Executor, PgPool, Row, SqlitePool};
use stores::conversation_config::{
    ConfigSettings, ConversationConfigStore, PostgresConversationConfigStore, SqliteConversationConfigStore,
};
use stores::{StoreErrorKind, TenantId, UserId};

use super::{fixtures, statements};

const TIMES: &str =
    "SELECT CAST(created_at AS text) AS created, CAST(updated_at AS text) AS updated FROM conversation_configs";

/// Updates of a user's row.
const REFUSED: [&str; 17] = [
    "config_level = 'global'",
    "config_level = 'tenant'",
    "config_level = 'built_in'",
    "config_level = NULL",
    "tenant_id = NULL",
    "user_id = NULL",
    "tenant_id = NULL, user_id = NULL",
    "config_level = 'global', user_id = NULL",
    "config_level = 'tenant', tenant_id = NULL",
    "merge_compression_strategy = 'Moderate'",
    "path_compression_strategy = ''",
    "merge_max_messages = 0",
    "path_max_messages = -1",
    "path_sliding_window_size = 0",
    "compaction_interval_minutes = 0",
    "path_compression_threshold = 1.01",
    "path_compression_threshold = -0.01",
];

fn settings() -> ConfigSettings {
    ConfigSettings { merge_max_messages: Some(7), ..ConfigSettings::default() }
}

async fn with_a_users_row(store: &dyn ConversationConfigStore) {
    store.set_user_config(TenantId::random(), UserId::random(), &settings(), UserId::random()).await.unwrap();
}

#[tokio::test]
async fn postgres_refuses_an_invalid_configuration() {
    let pool = fixtures::postgres().await;
    with_a_users_row(&PostgresConversationConfigStore::new(pool.clone())).await;
    for wrong in REFUSED.into_iter().chain(["path_compression_threshold = 'NaN'"]) {
        let code = code(&pool, &format!("UPDATE conversation_configs SET {wrong}")).await;
        assert!(matches!(code.as_str(), "23514" | "23502"), "{wrong}: {code}");
    }
    let word_for_an_id = code(&pool, "UPDATE conversation_configs SET tenant_id = 'global'").await;
    assert_eq!(word_for_an_id, "22P02", "ids are UUIDs");
}

#[tokio::test]
async fn sqlite_refuses_an_invalid_configuration() {
    let (_folder, pool) = fixtures::sqlite().await;
    with_a_users_row(&SqliteConversationConfigStore::new(pool.clone())).await;
    let more = [
        "tenant_id = 'global'",
        "user_id = x'00'",
        "merge_max_messages = 2147483648",
        "merge_max_messages = 1.5",
        "merge_max_messages = 'many'",
        "merge_preserve_pinned = 2",
        "auto_compact_enabled = 'yes'",
    ];
    for wrong in REFUSED.into_iter().chain(more) {
        let update = format!("UPDATE conversation_configs SET {wrong}");
        let error = pool.execute(AssertSqlSafe(update)).await.expect_err(wrong);
        let error = error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default();
        assert!(error.contains("constraint failed") || error.contains("cannot store"), "{wrong}: {error}");
    }
}

/// In the original schema, a NULL made every row distinct.
#[tokio::test]
async fn a_second_row_of_a_level_is_refused() {
    let (tenant, user) = (TenantId::random(), UserId::random());
    let postgres = fixtures::postgres().await;
    let store = PostgresConversationConfigStore::new(postgres.clone());
    all_levels(&store, tenant, user).await;
    let (_folder, sqlite) = fixtures::sqlite().await;
    all_levels(&SqliteConversationConfigStore::new(sqlite.clone()), tenant, user).await;
    for level in ["global", "tenant", "user"] {
        let again = format!(
            "INSERT INTO conversation_configs (config_level, tenant_id, user_id)
             SELECT config_level, tenant_id, user_id FROM conversation_configs WHERE config_level = '{level}'"
        );
        assert_eq!(code(&postgres, &again).await, "23505", "{level}");
        assert!(is_second(&sqlite, &again).await, "{level}");
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM conversation_configs").fetch_one(&postgres).await.unwrap();
    assert_eq!(rows, 3);
}

async fn all_levels(store: &dyn ConversationConfigStore, tenant: TenantId, user: UserId) {
    store.set_global_config(&settings(), user).await.unwrap();
    store.set_tenant_config(tenant, &settings(), user).await.unwrap();
    store.set_user_config(tenant, user, &settings(), user).await.unwrap();
}

/// Concurrent writers: one of them updates the row that the other has just inserted.
#[tokio::test]
async fn concurrent_writers_of_one_level_leave_one_row() {
    let pool = fixtures::postgres().await;
    let store = PostgresConversationConfigStore::new(pool.clone());
    let writers: Vec<_> = (1..=20)
        .map(|messages| {
            let store = store.clone();
            let settings = ConfigSettings { merge_max_messages: Some(messages), ..ConfigSettings::default() };
            tokio::spawn(async move { store.set_global_config(&settings, UserId::random()).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM conversation_configs").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn an_update_moves_updated_at_in_postgres() {
    let pool = fixtures::postgres().await;
    let store = PostgresConversationConfigStore::new(pool.clone());
    let (tenant, by) = (TenantId::random(), UserId::random());
    store.set_tenant_config(tenant, &settings(), by).await.unwrap();
    let first = times(&pool).await;
    store.set_tenant_config(tenant, &settings(), by).await.unwrap();
    let second = times(&pool).await;
    assert_eq!(second.0, first.0, "created_at stays");
    assert!(second.1 > first.1, "{second:?} is not after {first:?}");
    pool.execute("UPDATE conversation_configs SET updated_at = 'epoch'").await.unwrap();
    assert!(times(&pool).await.1 > second.1, "a writer cannot set it back");
}

#[tokio::test]
async fn an_update_moves_updated_at_in_sqlite() {
    let (_folder, pool) = fixtures::sqlite().await;
    let store = SqliteConversationConfigStore::new(pool.clone());
    let (tenant, by) = (TenantId::random(), UserId::random());
    store.set_tenant_config(tenant, &settings(), by).await.unwrap();
    // SQLite's clock has a resolution of milliseconds, so the test sets the time back instead of waiting.
    pool.execute("UPDATE conversation_configs SET updated_at = '2000-01-01T00:00:00.000Z'").await.unwrap();
    store.set_tenant_config(tenant, &settings(), by).await.unwrap();
    let updated: String = pool.fetch_one(TIMES).await.unwrap().get("updated");
    assert!(updated.as_str() > "2001", "{updated}");
}

/// The write shows that the counter works: it begins, writes and commits.
#[tokio::test]
async fn a_read_of_all_levels_is_one_statement() {
    let store = PostgresConversationConfigStore::new(fixtures::postgres().await);
    let (tenant, user) = (TenantId::random(), UserId::random());
    all_levels(&store, tenant, user).await;
    for user in [Some(user), None] {
        let read = async || drop(store.get_config(tenant, user).await.unwrap());
        assert_eq!(statements::count(read()).await, 1);
    }
    let write = async || store.set_global_config(&settings(), user).await.unwrap();
    assert!(statements::count(write()).await > 1);
}

#[tokio::test]
async fn a_row_that_does_not_match_its_type_is_named_in_the_error() {
    let (_folder, pool) = fixtures::sqlite().await;
    let store = SqliteConversationConfigStore::new(pool.clone());
    with_a_users_row(&store).await;
    store.set_global_config(&settings(), UserId::random()).await.unwrap();
    let wrong = "PRAGMA ignore_check_constraints = ON; UPDATE conversation_configs SET merge_max_messages = -1";
    pool.execute(wrong).await.unwrap();
    let error = store.get_config(TenantId::random(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Corrupt, "get_config"), "{error:?}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_missing_table_is_a_clear_error() {
    let store = PostgresConversationConfigStore::new(fixtures::empty_postgres().await);
    let error = store.get_config(TenantId::random(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Schema, "get_config"), "{error:?}");
    let (_folder, pool) = fixtures::empty_sqlite().await;
    let error = SqliteConversationConfigStore::new(pool).delete_tenant_config(TenantId::random()).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Schema, "delete_tenant_config"), "{error:?}");
}

/// The code of the error that a statement must cause.
async fn code(pool: &PgPool, statement: &str) -> String {
    let error = pool.execute(AssertSqlSafe(statement)).await.expect_err(statement);
    error.as_database_error().and_then(|error| error.code().map(Cow::into_owned)).unwrap_or_default()
}

/// Whether a statement is refused because such a row exists already.
async fn is_second(pool: &SqlitePool, statement: &str) -> bool {
    let refused = pool.execute(AssertSqlSafe(statement)).await.expect_err(statement);
    refused.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

async fn times(pool: &PgPool) -> (String, String) {
    let row = pool.fetch_one(TIMES).await.unwrap();
    (row.get("created"), row.get("updated"))
}
