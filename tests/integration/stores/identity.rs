//! Databases that share one Redis do not answer for each other.

use std::time::Duration;

use cache_tests::{PostgresServer, RedisServer};
use sqlx::{AssertSqlSafe, Executor as _};
use stores::policy::TenantPolicy;
use stores::{Stores, StoresConfig, TenantId, migrate};

use super::fixtures::{self, SCHEMA, until};
use crate::logs::Logs;

const NO_IDENTITY: &str = "the identity of the database is not readable";
const ANOTHER: &str = "belongs to another database";

/// Connects a service to this database.
async fn service(redis: &RedisServer, database: &str) -> Stores {
    service_with(redis, database, true, None).await
}

async fn service_with(redis: &RedisServer, database: &str, migrates: bool, prefix: Option<&str>) -> Stores {
    let config = config(redis, database, SCHEMA, prefix);
    let stores = Stores::connect(config.migrate_on_connect(migrates)).await.unwrap();
    assert!(stores.cache.connected(Duration::from_secs(10)).await);
    stores
}

fn config(redis: &RedisServer, database: &str, schema: &str, prefix: Option<&str>) -> StoresConfig {
    let url = redis.url();
    let config = StoresConfig::from_lookup(|name| match name {
        "DATABASE_URL" => Some(database.to_owned()),
        "DATABASE_SCHEMA" => Some(schema.to_owned()),
        "REDIS_URL" => Some(url.clone()),
        "CACHE_KEY_PREFIX" => prefix.map(ToOwned::to_owned),
        _ => None,
    });
    config.unwrap()
}

fn errors(stores: &Stores, kind: &str) -> u64 {
    stores.cache.stats().total().errors.get(kind).copied().unwrap_or_default()
}

/// Sets a policy and reads it until it is in Redis.
async fn cached(stores: &Stores, tenant: TenantId, model: &str) {
    stores.policies.set_policy(&TenantPolicy::new(tenant, model, "local")).await.unwrap();
    let fills = stores.cache.stats().total().fills;
    until(async || {
        stores.policies.get_policy(tenant).await.unwrap();
        stores.cache.stats().total().fills > fills
    })
    .await;
}

async fn model(stores: &Stores, tenant: TenantId) -> Option<String> {
    stores.policies.get_policy(tenant).await.unwrap().map(|policy| policy.default_model.clone())
}

/// Caches a tenant through `first`; returns what `second` reads of it.
async fn reads_from(first: &Stores, second: &Stores) -> Option<String> {
    let tenant = TenantId::random();
    cached(first, tenant, "of the first").await;
    model(second, tenant).await
}

fn sqlite_url(folder: &tempfile::TempDir, name: &str) -> String {
    format!("sqlite://{}", folder.path().join(name).display())
}

/// The second database has no such policy, and does not return the first one's.
#[tokio::test]
async fn two_databases_behind_one_redis_never_share_an_entry() {
    let logs = Logs::start();
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let postgres = [PostgresServer::shared().create_database().await, PostgresServer::shared().create_database().await];
    let urls = [
        sqlite_url(&folder, "one.db"),
        sqlite_url(&folder, "two.db"),
        postgres[0].url().to_owned(),
        postgres[1].url().to_owned(),
        "sqlite::memory:".to_owned(),
        "sqlite::memory:".to_owned(),
        String::new(),
        String::new(),
    ];
    let mut services = Vec::new();
    for url in &urls {
        services.push(service(&redis, url).await);
    }
    for (at, first) in services.iter().enumerate() {
        let second = &services[(at + 1) % services.len()];
        assert_eq!(reads_from(first, second).await, None, "{at}");
        assert_eq!(errors(second, "source"), 1, "{at}");
    }
    let text = logs.text();
    assert_eq!(text.matches(ANOTHER).count(), services.len(), "one warning for each cache: {text}");
    assert!(!text.contains(NO_IDENTITY), "{text}");
}

#[tokio::test]
async fn two_services_over_one_database_share() {
    let logs = Logs::start();
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let database = PostgresServer::shared().create_database().await;
    for url in [sqlite_url(&folder, "one.db"), database.url().to_owned()] {
        let (first, second) = (service(&redis, &url).await, service(&redis, &url).await);
        assert_eq!(reads_from(&first, &second).await.as_deref(), Some("of the first"));
        assert_eq!((second.cache.stats().total().shared_hits, errors(&second, "source")), (1, 0));
    }
    assert!(!logs.text().contains(ANOTHER) && !logs.text().contains(NO_IDENTITY), "{}", logs.text());
}

/// Two environments with different prefixes do not replace each other's entries.
#[tokio::test]
async fn a_prefix_keeps_environments_apart() {
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    // By default the user of the tests only has rights in its own namespaces.
    redis.raw(&["ACL", "SETUSER", "tests", "~*", "&*"]).unwrap();
    let first = service_with(&redis, &sqlite_url(&folder, "one.db"), true, Some("staging")).await;
    let second = service_with(&redis, &sqlite_url(&folder, "two.db"), true, Some("production:eu")).await;
    assert_eq!(reads_from(&first, &second).await, None);
    assert_eq!(errors(&second, "source"), 0);
}

/// A copy of a database has the same rows and id, but another identity.
#[tokio::test]
async fn a_copy_of_a_database_is_another_source() {
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let first = service(&redis, &sqlite_url(&folder, "one.db")).await;
    // Moves the rows of the write-ahead log into the database file.
    let pool = sqlx::SqlitePool::connect(&sqlite_url(&folder, "one.db")).await.unwrap();
    pool.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    std::fs::copy(folder.path().join("one.db"), folder.path().join("two.db")).unwrap();
    let copy = service(&redis, &sqlite_url(&folder, "two.db")).await;
    assert_eq!(reads_from(&first, &copy).await, None, "a copied file");

    let server = PostgresServer::start();
    let original = server.create_database().await;
    fixtures::pool(&original.url_with_schema(SCHEMA)).await.close().await;
    let pool = fixtures::pool(&original.url_with_schema(SCHEMA)).await;
    migrate(&pool).await.unwrap();
    pool.close().await;
    let admin = fixtures::pool(&server.url("postgres")).await;
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE copied TEMPLATE {}", original.name()))).await.unwrap();
    let (first, copy) = (service(&redis, original.url()).await, service(&redis, &server.url("copied")).await);
    assert_eq!(reads_from(&first, &copy).await, None, "a copied database");
}

/// A schema copied with all its data, as for another tenant or version.
#[tokio::test]
async fn a_copy_of_a_schema_is_another_source() {
    let redis = RedisServer::start();
    let database = PostgresServer::shared().create_database().await;
    let mut services = Vec::new();
    for schema in ["original", "copied"] {
        let pool = fixtures::pool(&database.url_with_schema(schema)).await;
        migrate(&pool).await.unwrap();
        if schema == "copied" {
            let copy = "UPDATE copied.stores_identity SET id = (SELECT id FROM original.stores_identity)";
            assert_eq!(pool.execute(copy).await.unwrap().rows_affected(), 1);
        }
        services.push(Stores::connect(config(&redis, database.url(), schema, None)).await.unwrap());
        assert!(services.last().unwrap().cache.connected(Duration::from_secs(10)).await);
    }
    assert_eq!(reads_from(&services[0], &services[1]).await, None);
    assert_eq!(errors(&services[1], "source"), 1);
}

/// A server too slow to report its identifier fails the start.
///
/// With only the rest of its identity, this instance would share nothing with the others until its next start.
#[tokio::test]
async fn a_server_that_identifies_itself_too_late_fails_the_start() {
    let (redis, server) = (RedisServer::start(), PostgresServer::start());
    let database = server.create_database().await;
    let admin = fixtures::pool(&database.url_with_schema(SCHEMA)).await;
    migrate(&admin).await.unwrap();
    admin
        .execute(
            "ALTER FUNCTION pg_catalog.pg_control_system() RENAME TO pg_control_system_of_the_server;
             CREATE FUNCTION pg_catalog.pg_control_system(OUT system_identifier bigint) LANGUAGE plpgsql AS
             $$ BEGIN RAISE 'canceling statement due to statement timeout' USING ERRCODE = '57014'; END $$",
        )
        .await
        .unwrap();
    let config = config(&redis, database.url(), SCHEMA, None).migrate_on_connect(false);
    let error = Stores::connect(config).await.expect_err("the identity is not known");
    assert!(error.to_string().contains("identity"), "{error}");
}

#[tokio::test]
async fn the_id_is_generated_once() {
    let (folder, sqlite) = fixtures::sqlite().await;
    let id = "SELECT hex(id) FROM stores_identity";
    let first: String = sqlx::query_scalar(id).fetch_one(&sqlite).await.unwrap();
    migrate(&sqlite).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, String>(id).fetch_one(&sqlite).await.unwrap(), first);
    let second = "INSERT INTO stores_identity (only_row) VALUES (FALSE)";
    assert!(
        sqlite.execute(second).await.is_err()
            && sqlite.execute("INSERT INTO stores_identity DEFAULT VALUES").await.is_err()
    );
    drop(folder);

    let (one, two) = (fixtures::postgres().await, fixtures::postgres().await);
    let id = "SELECT id::text FROM stores_identity";
    let first: String = sqlx::query_scalar(id).fetch_one(&one).await.unwrap();
    migrate(&one).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, String>(id).fetch_one(&one).await.unwrap(), first);
    assert_ne!(sqlx::query_scalar::<_, String>(id).fetch_one(&two).await.unwrap(), first);
    assert!(one.execute(second).await.is_err(), "there is one row");
}

/// A database without a readable identity causes a warning and no error.
///
/// This covers a database of an older version and one whose role may not read the identity. They share entries with
/// other databases without an identity.
#[tokio::test]
async fn a_database_without_an_identity_logs_a_warning() {
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let older = sqlite_url(&folder, "older.db");
    drop(service(&redis, &older).await);
    sqlx::SqlitePool::connect(&older).await.unwrap().execute("DROP TABLE stores_identity").await.unwrap();
    let server = PostgresServer::start();
    let database = server.create_database().await;
    let admin = fixtures::pool(&database.url_with_schema(SCHEMA)).await;
    migrate(&admin).await.unwrap();
    admin
        .execute("CREATE ROLE app LOGIN; GRANT service_role TO app; REVOKE ALL ON stores_identity FROM service_role")
        .await
        .unwrap();
    let refused = database.url().replace("postgres@", "app@");
    for url in [older, refused] {
        let logs = Logs::start();
        let (first, second) =
            [service_with(&redis, &url, false, None).await, service_with(&redis, &url, false, None).await].into();
        assert_eq!(logs.text().matches(NO_IDENTITY).count(), 2, "{}", logs.text());
        assert!(logs.text().contains("stores_identity") && logs.text().contains("CACHE_KEY_PREFIX"));
        assert_eq!(reads_from(&first, &second).await.as_deref(), Some("of the first"));
    }
    // Row-level security hides the row.
    admin
        .execute("GRANT SELECT ON stores_identity TO service_role; DROP POLICY service_role_reads ON stores_identity")
        .await
        .unwrap();
    let logs = Logs::start();
    drop(service_with(&redis, &database.url().replace("postgres@", "app@"), false, None).await);
    assert_eq!(logs.text().matches(NO_IDENTITY).count(), 1, "{}", logs.text());
}

/// Without a readable server identifier, only the protection from copies elsewhere is lost.
#[tokio::test]
async fn a_role_without_the_right_to_identify_the_server_has_an_identity() {
    let logs = Logs::start();
    let redis = RedisServer::start();
    let server = PostgresServer::start();
    let (one, two) = (server.create_database().await, server.create_database().await);
    for database in [&one, &two] {
        let admin = fixtures::pool(&database.url_with_schema(SCHEMA)).await;
        migrate(&admin).await.unwrap();
        let _there_already = admin.execute("CREATE ROLE app LOGIN; GRANT service_role TO app").await;
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC").await.unwrap();
    }
    let as_app = |url: &str| url.replace("postgres@", "app@");
    let first = service_with(&redis, &as_app(one.url()), false, None).await;
    let again = service_with(&redis, &as_app(one.url()), false, None).await;
    let second = service_with(&redis, &as_app(two.url()), false, None).await;
    assert_eq!(reads_from(&first, &again).await.as_deref(), Some("of the first"));
    assert_eq!(reads_from(&first, &second).await, None);
    assert!(!logs.text().contains(NO_IDENTITY), "{}", logs.text());
}
