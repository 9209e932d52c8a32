//! Roles under row-level security share a database and a Redis with a service that caches.
//!
//! Every role reads the same through its stores as without a cache, and leaves nothing in it for other roles.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cache_core::Cache;
use cache_tests::{PostgresServer, RedisServer, TestDatabase};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use stores::conversation::{
    AuthorizationModel, ConversationStatus, ConversationStore, MessageRole, NewConversation, NewMessage,
    PostgresConversationStore, ShareAudience,
};
use stores::conversation_config::{ConfigSettings, ConversationConfigStore, PostgresConversationConfigStore};
use stores::policy::{PolicyStore, PostgresPolicyStore, TenantPolicy};
use stores::{ConversationId, PageRequest, StoreError, Stores, StoresConfig, TenantId, UserId};

use super::fixtures::{self, SCHEMA, until};
use crate::logs::Logs;

const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

/// Databases share the roles of their server.
static ROLES: AtomicU32 = AtomicU32::new(0);

/// A database with rows of two tenants.
struct Fixture {
    database: TestDatabase,
    admin: PgPool,
    tenants: [TenantId; 2],
    users: [UserId; 2],
    conversations: Vec<(TenantId, ConversationId)>,
}

impl Fixture {
    async fn new() -> Self {
        let database = PostgresServer::shared().create_database().await;
        let admin = fixtures::pool(&database.url_with_schema(SCHEMA)).await;
        stores::migrate(&admin).await.unwrap();
        let tenants = [TenantId::random(), TenantId::random()];
        let users = [UserId::random(), UserId::random()];
        let mut fixture = Self { database, admin, tenants, users, conversations: Vec::new() };
        fixture.fill().await;
        fixture
    }

    async fn fill(&mut self) {
        let policies = PostgresPolicyStore::new(self.admin.clone());
        let conversations = PostgresConversationStore::new(self.admin.clone());
        let configs = PostgresConversationConfigStore::new(self.admin.clone());
        let settings =
            |interval| ConfigSettings { compaction_interval_minutes: Some(interval), ..ConfigSettings::default() };
        configs.set_global_config(&settings(1), self.users[0]).await.unwrap();
        for tenant in self.tenants {
            policies.set_policy(&TenantPolicy::new(tenant, "m", "p")).await.unwrap();
            configs.set_tenant_config(tenant, &settings(2), self.users[0]).await.unwrap();
            configs.set_user_config(tenant, self.users[0], &settings(3), self.users[0]).await.unwrap();
            for new in self.kinds(tenant) {
                let id = conversations.create_conversation(&new).await.unwrap();
                let message = NewMessage::new(tenant, id, MessageRole::System, "hello");
                let deleted = conversations.append_message(&message).await.unwrap();
                conversations.append_message(&message).await.unwrap();
                conversations.soft_delete_message(tenant, id, deleted, None).await.unwrap();
                self.conversations.push((tenant, id));
            }
        }
    }

    fn kinds(&self, tenant: TenantId) -> Vec<NewConversation> {
        let mut kinds = Vec::new();
        for user_id in [None, Some(self.users[0]), Some(self.users[1])] {
            for share_audience in ShareAudience::ALL {
                let under_rbac =
                    NewConversation { share_audience: *share_audience, ..NewConversation::new(tenant, user_id) };
                let fallback = serde_json::json!({ "fallback_audience": share_audience });
                kinds.push(NewConversation {
                    authorization_model: AuthorizationModel::Openfga,
                    authorization_spec: fallback,
                    share_audience: ShareAudience::Public,
                    ..under_rbac.clone()
                });
                kinds.push(under_rbac);
            }
        }
        kinds
    }

    /// Creates a role from these options and statements, and returns its address.
    async fn role(&self, create: &str, also: &[&str]) -> String {
        let name = format!("login_{}_{}", std::process::id(), ROLES.fetch_add(1, Ordering::Relaxed));
        let mut statements = vec![format!("CREATE ROLE {name} LOGIN {create}")];
        statements.extend(also.iter().map(|statement| statement.replace("ROLE_NAME", &name)));
        self.admin.execute(AssertSqlSafe(statements.join("; "))).await.unwrap();
        self.database.url().replace("postgres@", &format!("{name}@"))
    }

    /// A login with the rights of `authenticated`, whose connections all set these claims.
    async fn authenticated(&self, claims: &str) -> String {
        let set = format!(r#"ALTER ROLE ROLE_NAME SET "request.jwt.claims" TO '{claims}'"#);
        self.role("IN ROLE authenticated", &[&set]).await
    }

    async fn user(&self, user: UserId, tenant: TenantId) -> String {
        self.authenticated(&format!(r#"{{"sub": "{user}", "tenant_id": "{tenant}"}}"#)).await
    }

    /// Every kind of role, and whether it sees all rows.
    async fn identities(&self) -> Vec<(&'static str, bool, String)> {
        let ([a, b], [one, two]) = (self.tenants, self.users);
        vec![
            ("the owner", true, self.database.url().to_owned()),
            ("the service", true, self.role("IN ROLE service_role", &[]).await),
            ("user one of a", false, self.user(one, a).await),
            ("user two of a", false, self.user(two, a).await),
            ("user one of b", false, self.user(one, b).await),
            ("a user of a without a name", false, self.authenticated(&format!(r#"{{"tenant_id": "{a}"}}"#)).await),
            ("a user without claims", false, self.authenticated("{}").await),
            ("anon", false, self.role("", &[]).await),
        ]
    }

    /// Reads everything that the stores of a role offer.
    async fn read(
        &self,
        policies: &dyn PolicyStore,
        configs: &dyn ConversationConfigStore,
        conversations: &dyn ConversationStore,
    ) -> BTreeMap<String, String> {
        let mut seen = BTreeMap::new();
        for tenant in self.tenants {
            seen.insert(format!("policy of {tenant}"), shown(policies.get_policy(tenant).await));
        }
        let all = policies.get_policies(&self.tenants).await.map(|found| found.into_iter().collect::<BTreeMap<_, _>>());
        seen.insert("the policies of both".into(), shown(all));
        for user in [None, Some(self.users[0]), Some(self.users[1])] {
            for tenant in self.tenants {
                seen.insert(format!("config of {tenant} for {user:?}"), shown(configs.get_config(tenant, user).await));
                let (all, page) = (ConversationStatus::All, PageRequest::first(100));
                let list = conversations.list_conversations(tenant, user, all, &page).await;
                seen.insert(format!("list of {tenant} for {user:?}"), shown(list));
            }
            for (tenant, id) in &self.conversations {
                let found = conversations.get_conversation(*tenant, *id, user).await;
                seen.insert(format!("{id} for {user:?}"), shown(found));
                let messages = conversations.get_messages(*tenant, *id, user, 10).await;
                seen.insert(format!("messages of {id} for {user:?}"), shown(messages));
            }
        }
        seen
    }

    async fn read_bare(&self, url: &str) -> BTreeMap<String, String> {
        let pool = fixtures::pool(&format!("{url}?options[search_path]={SCHEMA}")).await;
        let policies = PostgresPolicyStore::new(pool.clone());
        let configs = PostgresConversationConfigStore::new(pool.clone());
        self.read(&policies, &configs, &PostgresConversationStore::new(pool)).await
    }

    async fn read_decorated(&self, stores: &Stores) -> BTreeMap<String, String> {
        self.read(&*stores.policies, &*stores.configs, &*stores.conversations).await
    }
}

fn shown<T: std::fmt::Debug>(read: Result<T, StoreError>) -> String {
    match read {
        Ok(found) => format!("{found:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn config(url: &str, redis: &str) -> StoresConfig {
    let variables = [("DATABASE_URL", url), ("REDIS_URL", redis)];
    let config = StoresConfig::from_lookup(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    });
    config.unwrap().migrate_on_connect(false)
}

async fn connect(url: &str, redis: &RedisServer) -> Stores {
    let stores = Stores::connect(config(url, &redis.url())).await.unwrap();
    assert!(stores.cache.connected(TIME_TO_CONNECT).await);
    stores
}

/// The hits of every kind, and the fills of the shared tier.
fn uses_of_the_cache(stores: &Stores) -> (u64, u64) {
    let stats = stores.cache.stats();
    let methods = [
        stats.method("PolicyStore", "get_policy"),
        stats.method("ConversationConfigStore", "get_config"),
        stats.method("ConversationStore", "get_conversation"),
    ];
    let hits = |method: &cache_core::MethodStats| method.local_hits + method.shared_hits;
    (methods.iter().map(hits).sum(), methods.iter().map(|method| method.fills).sum())
}

/// Fails without the check in `Stores::connect`: users and the service read each other's entries.
#[tokio::test]
async fn every_role_reads_the_same_with_and_without_a_cache_in_any_order() {
    let fixture = Fixture::new().await;
    let redis = RedisServer::start();
    let identities = fixture.identities().await;
    let mut bare = Vec::new();
    for (_, _, url) in &identities {
        bare.push(fixture.read_bare(url).await);
    }
    let distinct: std::collections::BTreeSet<_> = bare.iter().collect();
    assert_eq!(
        distinct.len(),
        identities.len() - 1,
        "the owner and the service see the same rows, each other role its own"
    );
    for order in [(0..identities.len()).collect::<Vec<_>>(), (0..identities.len()).rev().collect()] {
        redis.raw(&["FLUSHALL"]).unwrap();
        for at in order {
            let (name, sees_every_row, url) = &identities[at];
            let stores = connect(url, &redis).await;
            for round in 0..2 {
                assert_eq!(fixture.read_decorated(&stores).await, bare[at], "{name}, round {round}");
            }
            if *sees_every_row {
                until(async || uses_of_the_cache(&stores).1 > 0 || uses_of_the_cache(&stores).0 > 100).await;
            }
            let (hits, fills) = uses_of_the_cache(&stores);
            assert_eq!(hits + fills > 0, *sees_every_row, "{name}: {hits} hits, {fills} fills");
            stores.cache.shutdown().await;
        }
    }
}

/// A restricted role bypasses the cache, and its writes invalidate other roles' entries.
#[tokio::test]
async fn a_write_of_a_restricted_role_invalidates_caching_instances() {
    let fixture = Fixture::new().await;
    let redis = RedisServer::start();
    let tenant = fixture.tenants[0];
    let own = format!("CREATE POLICY own ON tenant_llm_policies TO ROLE_NAME USING (tenant_id = '{tenant}')");
    let write = "GRANT INSERT, UPDATE ON tenant_llm_policies TO ROLE_NAME";
    let admin = connect(&fixture.role("", &[GRANTS, write, &own]).await, &redis).await;
    let service = connect(fixture.database.url(), &redis).await;
    for round in 0..3 {
        let policy = TenantPolicy::new(tenant, format!("model {round}"), "p");
        service.policies.get_policy(tenant).await.unwrap();
        admin.policies.set_policy(&policy).await.unwrap();
        assert_eq!(admin.policies.get_policy(tenant).await.unwrap().as_deref(), Some(&policy));
        until(async || service.policies.get_policy(tenant).await.unwrap().as_deref() == Some(&policy)).await;
    }
    assert_eq!(uses_of_the_cache(&admin), (0, 0));
    for stores in [service, admin] {
        stores.cache.shutdown().await;
    }
}

/// Whether a role's stores cache.
async fn caches(url: &str) -> bool {
    let stores = Stores::connect_with(config(url, ""), Cache::single_instance()).await.unwrap();
    let tenant = TenantId::random();
    let read = [stores.policies.get_policy(tenant).await, stores.policies.get_policy(tenant).await];
    assert!(read.iter().all(|read| read.as_ref().is_ok_and(Option::is_none)), "{read:?}");
    uses_of_the_cache(&stores).0 == 1
}

/// One warning on connecting, and none for each read.
#[tokio::test]
async fn a_restricted_role_logs_one_warning() {
    let fixture = Fixture::new().await;
    for (url, warnings) in [
        (fixture.user(fixture.users[0], fixture.tenants[0]).await, 1),
        (fixture.role("IN ROLE service_role", &[]).await, 0),
    ] {
        let logs = Logs::start();
        let stores = Stores::connect_with(config(&url, ""), Cache::single_instance()).await.unwrap();
        fixture.read_decorated(&stores).await;
        let text = logs.text();
        let found: Vec<_> = text.lines().filter(|line| line.contains("row-level security")).collect();
        assert_eq!(found.len(), warnings, "{found:?}");
        for warning in found {
            let names = ["WARN", "login_", "conversation_messages, conversations, tenant_llm_policies", "service_role"];
            assert!(names.iter().all(|name| warning.contains(name)), "{warning}");
        }
    }
}

const GRANTS: &str = "GRANT USAGE ON SCHEMA copilot_internal TO ROLE_NAME; \
                      GRANT SELECT ON ALL TABLES IN SCHEMA copilot_internal TO ROLE_NAME";

#[tokio::test]
async fn only_a_role_that_sees_every_row_is_cached() {
    let fixture = Fixture::new().await;
    let own = "ALTER SCHEMA copilot_internal OWNER TO ROLE_NAME; \
               DO $$ DECLARE name text; BEGIN \
                   FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'copilot_internal' LOOP \
                       EXECUTE format('ALTER TABLE copilot_internal.%I OWNER TO ROLE_NAME', name); \
                   END LOOP; \
               END $$";
    for (what, expected, create, also) in [
        ("a superuser", true, "SUPERUSER", &[][..]),
        ("one that bypasses row-level security", true, "BYPASSRLS", &[GRANTS]),
        ("a member of service_role", true, "IN ROLE service_role", &[]),
        ("a member of it that is a user too", true, "IN ROLE service_role, authenticated", &[]),
        ("a member of it that does not inherit", false, "NOINHERIT IN ROLE service_role", &[GRANTS]),
        ("a user", false, "IN ROLE authenticated", &[]),
        ("one with grants and no policy", false, "", &[GRANTS]),
        ("the owner of some tables", false, "IN ROLE authenticated", &["ALTER TABLE conversations OWNER TO ROLE_NAME"]),
        ("the owner of all tables", true, "", &[own]),
        ("an owner that is not exempt", false, "", &[own, "ALTER TABLE conversations FORCE ROW LEVEL SECURITY"]),
        ("an owner again", true, "", &[own, "ALTER TABLE conversations NO FORCE ROW LEVEL SECURITY"]),
    ] {
        assert_eq!(caches(&fixture.role(create, also).await).await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_restrictive_policy_counts() {
    let fixture = Fixture::new().await;
    let service = fixture.role("IN ROLE service_role", &[]).await;
    let policy =
        |command: &str| format!("CREATE POLICY less ON conversations AS RESTRICTIVE FOR {command} USING (false)");
    fixture.admin.execute(AssertSqlSafe(policy("DELETE"))).await.unwrap();
    assert!(caches(&service).await, "it restricts no read");
    fixture.admin.execute("DROP POLICY less ON conversations").await.unwrap();
    fixture.admin.execute(AssertSqlSafe(policy("SELECT TO authenticated"))).await.unwrap();
    assert!(caches(&service).await, "it restricts another role");
    fixture.admin.execute("DROP POLICY less ON conversations").await.unwrap();
    fixture.admin.execute(AssertSqlSafe(policy("ALL"))).await.unwrap();
    assert!(!caches(&service).await);
}

#[tokio::test]
async fn every_table_of_the_stores_is_checked() {
    let fixture = Fixture::new().await;
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = $1 AND tablename NOT IN ('stores_migrations', 'stores_identity')";
    let tables: Vec<String> = sqlx::query_scalar(tables).bind(SCHEMA).fetch_all(&fixture.admin).await.unwrap();
    assert!(tables.len() >= 3, "{tables:?}");
    let service = fixture.role("IN ROLE service_role", &[]).await;
    for table in tables {
        let everything = format!("DROP POLICY service_role_everything ON {table}");
        fixture.admin.execute(AssertSqlSafe(everything)).await.unwrap();
        assert!(!caches(&service).await, "{table}");
        let again = format!("CREATE POLICY service_role_everything ON {table} TO service_role USING (true)");
        fixture.admin.execute(AssertSqlSafe(again)).await.unwrap();
        assert!(caches(&service).await, "{table}");
    }
}
