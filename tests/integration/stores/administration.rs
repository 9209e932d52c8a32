//! docs/database.md for administrators: its SQL runs, and its tables match the database.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use cache_tests::{PostgresServer, RedisServer};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use stores::policy::TenantPolicy;
use stores::{StoreErrorKind, Stores, StoresConfig, TenantId, conformance};

use super::fixtures::{self, until};
use super::roles::PERMISSION_DENIED;

const PAGE: &str = include_str!("../../../docs/database.md");
/// The name of the database on the page.
const DATABASE: &str = "main";
const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

/// The content of the first block of this language below a heading.
fn block(heading: &str, language: &str) -> &'static str {
    let (_, section) = PAGE.split_once(&format!("# {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let (section, _) = section.split_once("\n## ").unwrap_or((section, ""));
    let (_, block) = section.split_once(&format!("\n```{language}\n")).unwrap_or_else(|| panic!("{heading}: no block"));
    block.split_once("\n```").expect("a block ends").0
}

/// The rows of the table that begins with this line, as cells without backticks.
fn table(head: &str) -> Vec<Vec<String>> {
    let (_, rows) = PAGE.split_once(&format!("\n{head}\n")).unwrap_or_else(|| panic!("no table {head}"));
    let rows = rows.lines().skip(1).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
    rows.map(cells).collect()
}

/// A server without the stores, and a superuser connection to the page's database.
struct Installation {
    server: PostgresServer,
    superuser: PgConnection,
}

impl Installation {
    async fn new() -> Self {
        let server = PostgresServer::start();
        let mut first = PgConnection::connect(&server.url("postgres")).await.unwrap();
        first.execute(AssertSqlSafe(format!("CREATE DATABASE {DATABASE}"))).await.unwrap();
        let superuser = PgConnection::connect(&server.url(DATABASE)).await.unwrap();
        Self { server, superuser }
    }

    async fn run(&mut self, heading: &str) {
        let sql = block(heading, "sql");
        self.superuser.execute(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{heading}: {error}"));
    }

    fn url(&self, role: &str) -> String {
        self.server.url(DATABASE).replace("postgres@", &format!("{role}@"))
    }

    /// Migrates as the page describes: with only an address, since the role sets the schema.
    async fn migrated() -> Self {
        let mut new = Self::new().await;
        new.run("Before the first migration").await;
        let owner = fixtures::pool(&new.url("copilot_owner")).await;
        stores::migrate(&owner).await.unwrap();
        new
    }

    fn config(&self, role: &str, redis: &RedisServer) -> StoresConfig {
        let variables = [("DATABASE_URL", self.url(role)), ("REDIS_URL", redis.url())];
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        StoresConfig::from_lookup(find).unwrap()
    }

    async fn connect(&self, role: &str, redis: &RedisServer) -> Stores {
        let stores = Stores::connect(self.config(role, redis).migrate_on_connect(false)).await.unwrap();
        assert!(stores.cache.connected(TIME_TO_CONNECT).await);
        stores
    }
}

/// Runs every method of every store through the cache.
async fn serves(stores: &Stores) {
    conformance::policy_store(&*stores.policies).await.unwrap();
    conformance::conversation_config_store(&*stores.configs).await.unwrap();
    conformance::conversation_store(&*stores.conversations).await.unwrap();
    let hits = stores.cache.stats().total();
    assert!(hits.local_hits + hits.shared_hits > 0, "a role that sees every row is cached: {hits:?}");
}

async fn is_denied(pool: &PgPool, statement: &str) {
    let error = pool.execute(AssertSqlSafe(statement)).await.expect_err(statement);
    let code = error.as_database_error().and_then(|error| error.code().map(Cow::into_owned));
    assert_eq!(code.as_deref(), Some(PERMISSION_DENIED), "{statement}: {error}");
}

/// Statements that a serving role does not need.
const TOO_MUCH: [&str; 7] = [
    "CREATE TABLE copilot_internal.mine ()",
    "CREATE SCHEMA mine",
    "ALTER TABLE conversations ADD COLUMN mine text",
    "ALTER TABLE conversations DISABLE ROW LEVEL SECURITY",
    "DROP POLICY authenticated_readers ON conversations",
    "TRUNCATE tenant_llm_policies",
    "SELECT * FROM stores_migrations",
];

#[tokio::test]
async fn the_documented_roles_are_sufficient_and_minimal() {
    let mut installation = Installation::migrated().await;
    let redis = RedisServer::start();
    installation.run("The role of the service").await;
    installation.run("Or narrower, without `service_role`").await;
    for role in ["copilot_service", "copilot_narrow"] {
        let stores = installation.connect(role, &redis).await;
        serves(&stores).await;
        stores.cache.shutdown().await;
        let pool = fixtures::pool(&installation.url(role)).await;
        for statement in TOO_MUCH {
            is_denied(&pool, statement).await;
        }
        let limit: String = sqlx::query_scalar("SHOW statement_timeout").fetch_one(&pool).await.unwrap();
        assert_eq!(limit, "5s");
    }
    let narrow = fixtures::pool(&installation.url("copilot_narrow")).await;
    for table in ["conversations", "conversation_messages"] {
        is_denied(&narrow, &format!("DELETE FROM {table}")).await;
    }
}

#[tokio::test]
async fn a_refused_migration_fails_the_start_as_documented() {
    let mut installation = Installation::migrated().await;
    installation.run("The role of the service").await;
    let redis = RedisServer::start();
    let error = Stores::connect(installation.config("copilot_service", &redis)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Permission, "the service may not migrate: {error:?}");

    // Simulates a newer version of the program.
    let newer = "INSERT INTO copilot_internal.stores_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'from the future', true, '', 0)";
    installation.superuser.execute(newer).await.unwrap();
    let error = Stores::connect(installation.config("copilot_owner", &redis)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Schema, "{error:?}");
    let stores = installation.connect("copilot_service", &redis).await;
    assert_eq!(stores.policies.count_policies().await.unwrap(), 0);
}

#[tokio::test]
async fn the_documented_policies_match_the_database() {
    let pool = fixtures::postgres().await;
    let select = "SELECT tablename::text, policyname::text, array_to_string(roles, ', '), cmd \
                  FROM pg_policies WHERE schemaname = 'copilot_internal'";
    let found: Vec<(String, String, String, String)> = sqlx::query_as(select).fetch_all(&pool).await.unwrap();
    let found: BTreeSet<_> =
        found.into_iter().map(|(table, policy, role, command)| [table, policy, role, command]).collect();
    let rows = table("| table | policy | role | command | rows |");
    let stated = rows.into_iter().map(|row| [row[0].clone(), row[1].clone(), row[2].clone(), row[3].clone()]);
    assert_eq!(stated.collect::<BTreeSet<_>>(), found);
    let without = "SELECT relname::text FROM pg_class WHERE relnamespace = 'copilot_internal'::regnamespace \
                   AND relkind = 'r' AND NOT relrowsecurity";
    let without: Vec<String> = sqlx::query_scalar(without).fetch_all(&pool).await.unwrap();
    assert_eq!(without, [""; 0], "tables without row-level security");
}

#[tokio::test]
async fn the_documented_rights_match_the_database() {
    let pool = fixtures::postgres().await;
    let select = "SELECT relname::text, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type \
                  FROM pg_class, LATERAL aclexplode(relacl) \
                  WHERE relnamespace = 'copilot_internal'::regnamespace AND relkind = 'r' AND grantee <> relowner";
    let found: Vec<(String, String, String)> = sqlx::query_as(select).fetch_all(&pool).await.unwrap();
    let found: BTreeSet<_> = found.into_iter().collect();
    let mut stated = BTreeSet::new();
    for row in table("| table | `service_role` | `authenticated` |") {
        for (role, rights) in ["service_role", "authenticated"].into_iter().zip(&row[1..]) {
            let rights = rights.split(", ").filter(|right| !right.is_empty());
            stated.extend(rights.map(|right| (row[0].clone(), role.to_owned(), right.to_owned())));
        }
    }
    assert_eq!(stated, found);
}

#[tokio::test]
async fn a_manual_correction_is_seen_after_its_invalidation() {
    let database = PostgresServer::shared().create_database().await;
    let redis = RedisServer::start();
    let variables = [("DATABASE_URL", database.url().to_owned()), ("REDIS_URL", redis.url())];
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let mut instances = Vec::new();
    for _ in 0..2 {
        let stores = Stores::connect(StoresConfig::from_lookup(find).unwrap()).await.unwrap();
        assert!(stores.cache.connected(TIME_TO_CONNECT).await);
        instances.push(stores);
    }
    let tenant = TenantId::random();
    instances[0].policies.set_policy(&TenantPolicy::new(tenant, "before", "local")).await.unwrap();
    let pool = fixtures::pool(&database.url_with_schema(fixtures::SCHEMA)).await;
    let stated = block("Manual corrections", "text");
    for (what, model) in [(tenant.to_string(), "one tenant"), ("*".to_owned(), "all tenants")] {
        for stores in &instances {
            until(async || {
                stores.policies.get_policy(tenant).await.unwrap();
                stores.policies.peek_get_policy(tenant).is_some()
            })
            .await;
        }
        let correct = "UPDATE tenant_llm_policies SET default_model = $1 WHERE tenant_id = $2";
        sqlx::query(correct).bind(model).bind(tenant).execute(&pool).await.unwrap();
        let sees = async |stores: &Stores| {
            let policy = stores.policies.get_policy(tenant).await.unwrap().unwrap();
            policy.default_model == model
        };
        assert!(!sees(&instances[0]).await && !sees(&instances[1]).await, "no invalidation has been sent");
        for line in stated.lines() {
            let (command, quoted) = line.split_once(" \"").unwrap_or((line, ""));
            let quoted = (!quoted.is_empty()).then(|| quoted.trim_end_matches('"'));
            let words = command.split(' ').chain(quoted).map(|word| for_scope(word, &what));
            let words: Vec<String> = words.collect();
            let reply = redis.raw(&words.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
            assert!(!reply.starts_with('-') && reply != "0", "{words:?}: {reply}");
        }
        for stores in &instances {
            until(async || sees(stores).await).await;
        }
    }
    for stores in instances {
        stores.cache.shutdown().await;
    }
}

/// Replaces the page's tenant with another one, or with all.
fn for_scope(word: &str, what: &str) -> String {
    word.replace("5f0c6f1e-8d52-4f8e-9a55-0d2f1f0b7a11", what)
}
