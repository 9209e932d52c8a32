//! The constraints of the conversation tables hold for every writer.

use std::borrow::Cow;
use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, Executor, PgPool, Row, SqlitePool};
use stores::conversation::{
    ConversationStore, MessageRole, NewConversation, NewMessage, PostgresConversationStore, SqliteConversationStore,
};
use stores::{ConversationId, StoreErrorKind, TenantId};

use super::super::fixtures;

const REFUSED: [&str; 15] = [
    "conversations SET share_audience = 'Public'",
    "conversations SET tenant_access = ''",
    "conversations SET authorization_model = 'abac'",
    "conversations SET authorization_spec = '[]'",
    "conversations SET authorization_spec = NULL",
    r#"conversations SET jurisdictions = '{"de": 1}'"#,
    "conversations SET tenant_id = NULL",
    "conversations SET created_at = NULL",
    "conversation_messages SET role = 'tool'",
    "conversation_messages SET content = NULL",
    "conversation_messages SET metadata = '1'",
    "conversation_messages SET metadata = 'null'",
    "conversation_messages SET conversation_id = NULL",
    "conversation_messages SET created_at = NULL",
    "conversation_messages SET role = NULL",
];

async fn one(store: &dyn ConversationStore) -> (TenantId, ConversationId) {
    let tenant = TenantId::random();
    let id = store.create_conversation(&NewConversation::new(tenant, None)).await.unwrap();
    store.append_message(&NewMessage::new(tenant, id, MessageRole::User, "x")).await.unwrap();
    (tenant, id)
}

#[tokio::test]
async fn postgres_refuses_an_invalid_conversation() {
    let pool = fixtures::postgres().await;
    one(&PostgresConversationStore::new(pool.clone())).await;
    for wrong in REFUSED.into_iter().chain(["conversations SET jurisdictions = '[1]'"]) {
        let error = pool.execute(AssertSqlSafe(format!("UPDATE {wrong}"))).await.expect_err(wrong);
        let code = error.as_database_error().and_then(|error| error.code().map(Cow::into_owned));
        assert!(matches!(code.as_deref(), Some("23514" | "23502")), "{wrong}: {error}");
    }
}

#[tokio::test]
async fn sqlite_refuses_an_invalid_conversation() {
    let (_folder, pool) = fixtures::sqlite().await;
    one(&SqliteConversationStore::new(pool.clone())).await;
    let more = [
        "conversations SET authorization_spec = 'no json'",
        "conversations SET tenant_id = 'too short'",
        "conversations SET user_id = x'00'",
        "conversations SET created_at = '2000-01-01T00:00:00Z'",
        "conversations SET last_message_at = '2000-01-01 00:00:00'",
    ];
    for wrong in REFUSED.into_iter().chain(more) {
        let error = pool.execute(AssertSqlSafe(format!("UPDATE {wrong}"))).await.expect_err(wrong);
        let error = error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default();
        assert!(error.contains("constraint failed"), "{wrong}: {error}");
    }
}

#[tokio::test]
async fn a_message_is_deleted_with_its_conversation() {
    let insert = |id: &str| {
        format!("INSERT INTO conversation_messages (conversation_id, role, content) VALUES ({id}, 'user', 'x')")
    };
    let count = "SELECT count(*) FROM conversation_messages";

    let pool = fixtures::postgres().await;
    one(&PostgresConversationStore::new(pool.clone())).await;
    assert!(pool.execute(AssertSqlSafe(insert("gen_random_uuid()"))).await.is_err());
    pool.execute("DELETE FROM conversations").await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&pool).await.unwrap(), 0);

    let (_folder, pool) = fixtures::sqlite().await;
    one(&SqliteConversationStore::new(pool.clone())).await;
    assert!(pool.execute(AssertSqlSafe(insert("randomblob(16)"))).await.is_err());
    pool.execute("DELETE FROM conversations").await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&pool).await.unwrap(), 0);
}

/// An SQL update without the store changes it too.
#[tokio::test]
async fn an_update_moves_updated_at() {
    let pool = fixtures::postgres().await;
    let store = PostgresConversationStore::new(pool.clone());
    let (tenant, id) = one(&store).await;
    let before = store.get_conversation(tenant, id, None).await.unwrap().unwrap();
    pool.execute("UPDATE conversations SET title = 'x', updated_at = 'epoch'").await.unwrap();
    let after = store.get_conversation(tenant, id, None).await.unwrap().unwrap();
    assert!(after.updated_at > before.updated_at && after.created_at == before.created_at);

    let (_folder, pool) = fixtures::sqlite().await;
    let store = SqliteConversationStore::new(pool.clone());
    let (tenant, id) = one(&store).await;
    // The trigger's clock has a resolution of milliseconds, so the test sets the time back instead of waiting.
    pool.execute("UPDATE conversations SET updated_at = '2000-01-01T00:00:00.000000Z'").await.unwrap();
    pool.execute("UPDATE conversations SET title = 'x'").await.unwrap();
    let after = store.get_conversation(tenant, id, None).await.unwrap().unwrap();
    assert!(after.updated_at.timestamp() > 1_000_000_000, "{}", after.updated_at);
}

/// A row inserted by plain SQL, with every default.
#[tokio::test]
async fn the_defaults_of_tables_and_types_match() {
    let tenant = TenantId::random();
    let plain = NewConversation::new(tenant, None);
    let pool = fixtures::postgres().await;
    sqlx::query("INSERT INTO conversations (tenant_id) VALUES ($1)").bind(tenant).execute(&pool).await.unwrap();
    let stored = PostgresConversationStore::new(pool.clone());
    compare(&stored, &plain, only_id(&pool).await).await;

    let (_folder, pool) = fixtures::sqlite().await;
    sqlx::query("INSERT INTO conversations (tenant_id) VALUES ($1)").bind(tenant).execute(&pool).await.unwrap();
    let id = sqlx::query_scalar("SELECT id FROM conversations").fetch_one(&pool).await.unwrap();
    compare(&SqliteConversationStore::new(pool), &plain, id).await;
}

async fn only_id(pool: &PgPool) -> ConversationId {
    sqlx::query_scalar("SELECT id FROM conversations").fetch_one(pool).await.unwrap()
}

async fn compare(store: &dyn ConversationStore, plain: &NewConversation, id: ConversationId) {
    let by_sql = store.get_conversation(plain.tenant_id, id, None).await.unwrap().unwrap();
    let id = store.create_conversation(plain).await.unwrap();
    let by_store = store.get_conversation(plain.tenant_id, id, None).await.unwrap().unwrap();
    let (created_at, updated_at) = (by_store.created_at, by_store.updated_at);
    assert_eq!(stores::conversation::Conversation { id, created_at, updated_at, ..(*by_sql).clone() }, *by_store);
}

#[tokio::test]
async fn a_row_that_does_not_match_its_type_is_named_in_the_error() {
    let (_folder, pool) = fixtures::sqlite().await;
    let store = SqliteConversationStore::new(pool.clone());
    let (tenant, id) = one(&store).await;
    pool.execute("UPDATE conversations SET jurisdictions = '[1]'").await.unwrap();
    let error = store.get_conversation(tenant, id, None).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (StoreErrorKind::Corrupt, false), "{error:?}");
    let refused = store.append_message(&NewMessage::new(tenant, id, MessageRole::User, "y")).await.unwrap_err();
    assert!(cache_core::WriteError::not_written(&refused), "{refused:?}");
}

#[tokio::test]
async fn a_missing_table_is_a_clear_error() {
    let store = PostgresConversationStore::new(fixtures::empty_postgres().await);
    let error = store.get_conversation(TenantId::random(), ConversationId::random(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Schema, "get_conversation"), "{error:?}");
    let (_folder, pool) = fixtures::empty_sqlite().await;
    let create = NewConversation::new(TenantId::random(), None);
    let error = SqliteConversationStore::new(pool).create_conversation(&create).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Schema, "create_conversation"), "{error:?}");
}

/// A page in the middle of a tenant's list, queried as the store does.
const PAGE: &str = "SELECT id FROM conversations WHERE tenant_id = TENANT AND (last_activity, id) < (TIME, TENANT) \
                    ORDER BY last_activity DESC, id DESC LIMIT 10";

#[tokio::test]
async fn a_page_is_read_in_the_order_of_an_index() {
    let pool = fixtures::postgres().await;
    let select = PAGE.replace("TENANT", "'6f0c5a4e-3b5a-4f0e-9a55-0d2f1f0b7a11'").replace("TIME", "now()");
    let mut connection = pool.acquire().await.unwrap();
    // PostgreSQL scans an empty table as a whole, whatever its indexes are.
    connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off").await.unwrap();
    let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN {select}"))).fetch_all(&mut *connection).await.unwrap();
    let plan = lines(&plan.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>());
    assert!(plan.contains("conversations_by_activity") && !plan.contains("Sort"), "{plan}");

    let (_folder, pool) = fixtures::sqlite().await;
    let select = PAGE.replace("TENANT", "x'00'").replace("TIME", "'2026'");
    let plan = sqlite_plan(&pool, &select).await;
    assert!(plan.contains("conversations_by_activity") && !plan.contains("B-TREE"), "{plan}");
}

async fn sqlite_plan(pool: &SqlitePool, select: &str) -> String {
    let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {select}"))).fetch_all(pool).await.unwrap();
    lines(&plan.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>())
}

fn lines(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{line}");
        all
    })
}
