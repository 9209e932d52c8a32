//! Migrations: repeated, concurrent, and without the necessary rights.

use cache_tests::PostgresServer;
use sqlx::{AssertSqlSafe, Executor, PgPool};
use stores::{StoreErrorKind, migrate};

use super::fixtures::{self, SCHEMA};

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let pool = fixtures::empty_postgres().await;
    migrate(&pool).await.unwrap();
    migrate(&pool).await.unwrap();
    assert_eq!(schema_of_the_table(&pool).await, SCHEMA);

    let (_folder, pool) = fixtures::empty_sqlite().await;
    migrate(&pool).await.unwrap();
    migrate(&pool).await.unwrap();
}

#[tokio::test]
async fn instances_that_start_at_once_take_turns() {
    let pool = fixtures::empty_postgres().await;
    let runs: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn({
                let pool = pool.clone();
                async move { migrate(&pool).await }
            })
        })
        .collect();
    for run in runs {
        run.await.unwrap().unwrap();
    }
}

/// Roles belong to the server, so concurrent migrations of two databases can conflict there.
#[tokio::test]
async fn databases_of_one_server_are_migrated_concurrently() {
    let server = PostgresServer::start();
    let mut runs = Vec::new();
    for _ in 0..4 {
        let url = server.create_database().await.url_with_schema(SCHEMA);
        runs.push(tokio::spawn(async move { migrate(&fixtures::pool(&url).await).await }));
    }
    for run in runs {
        run.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_first_schema_of_the_search_path_is_used() {
    let database = PostgresServer::shared().create_database().await;
    let pool = fixtures::pool(database.url()).await;
    migrate(&pool).await.unwrap();
    assert_eq!(schema_of_the_table(&pool).await, "public");

    let pool = fixtures::pool(&database.url_with_schema("second,public")).await;
    migrate(&pool).await.unwrap();
    assert_eq!(schema_of_the_table(&pool).await, "second");
}

#[tokio::test]
async fn an_application_may_keep_its_own_record_in_the_same_schema() {
    let pool = fixtures::empty_postgres().await;
    pool.execute("CREATE SCHEMA copilot_internal; CREATE TABLE _sqlx_migrations (of_another_kind text)").await.unwrap();
    migrate(&pool).await.unwrap();
}

/// A failed run must release its lock, since the next one would wait forever.
#[tokio::test]
async fn a_missing_right_is_named_and_the_next_run_continues() {
    let server = PostgresServer::start();
    let database = server.create_database().await;
    let admin = fixtures::pool(database.url()).await;
    admin.execute("CREATE ROLE app LOGIN; CREATE SCHEMA copilot_internal AUTHORIZATION app").await.unwrap();
    let url = database.url_with_schema(SCHEMA).replace("postgres@", "app@");
    let pool = fixtures::pool(&url).await;

    let error = migrate(&pool).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Permission, "{error:?}");
    assert!(
        format!("{error:?}").contains(r#"the role "service_role" does not exist, and "app" may not create it"#),
        "{error:?}"
    );

    admin.execute("CREATE ROLE service_role NOLOGIN; CREATE ROLE authenticated NOLOGIN").await.unwrap();
    let may_create = format!("GRANT CREATE ON DATABASE {} TO app", database.name());
    admin.execute(AssertSqlSafe(may_create)).await.unwrap();
    migrate(&pool).await.unwrap();
    migrate(&fixtures::pool(&database.url_with_schema(SCHEMA)).await).await.unwrap();
}

#[tokio::test]
async fn a_schema_that_cannot_be_created_is_named() {
    let server = PostgresServer::start();
    let database = server.create_database().await;
    fixtures::pool(database.url()).await.execute("CREATE ROLE app LOGIN").await.unwrap();
    let pool = fixtures::pool(&database.url_with_schema(SCHEMA).replace("postgres@", "app@")).await;
    let error = migrate(&pool).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Permission, "{error:?}");
    assert!(error.to_string().contains("the schema `copilot_internal` does not exist"), "{error}");
}

#[tokio::test]
async fn objects_of_supabase_are_left_unchanged() {
    let pool = fixtures::empty_postgres().await;
    pool.execute("CREATE SCHEMA auth; CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql AS $$ SELECT '{\"mine\": 1}'::jsonb $$")
        .await
        .unwrap();
    migrate(&pool).await.unwrap();
    let jwt: String = sqlx::query_scalar("SELECT auth.jwt()::text").fetch_one(&pool).await.unwrap();
    assert_eq!(jwt, r#"{"mine": 1}"#);
}

async fn schema_of_the_table(pool: &PgPool) -> String {
    let name = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'tenant_llm_policies'::regclass";
    sqlx::query_scalar(name).fetch_one(pool).await.unwrap()
}
