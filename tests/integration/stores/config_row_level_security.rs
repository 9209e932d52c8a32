//! The levels that each role may read and write, over two tenants and their users.

use sqlx::{AssertSqlSafe, Executor, PgPool};
use stores::conversation_config::{ConfigSettings, ConversationConfigStore, PostgresConversationConfigStore};
use stores::{TenantId, UserId};

use super::fixtures;
use super::roles::{self, PERMISSION_DENIED, claims};

/// A global row, and rows of two tenants and of two users in each.
///
/// One user is in both tenants.
struct Fixture {
    pool: PgPool,
    a: TenantId,
    b: TenantId,
    in_both: UserId,
    only_a: UserId,
    only_b: UserId,
}

/// A row, by what is unique about it.
type Row = (String, Option<TenantId>, Option<UserId>);

impl Fixture {
    async fn new() -> Self {
        let pool = fixtures::postgres().await;
        let (a, b) = (TenantId::random(), TenantId::random());
        let [in_both, only_a, only_b, admin] = std::array::from_fn(|_| UserId::random());
        let store = PostgresConversationConfigStore::new(pool.clone());
        let settings = ConfigSettings { merge_max_messages: Some(7), ..ConfigSettings::default() };
        store.set_global_config(&settings, admin).await.unwrap();
        for (tenant, users) in [(a, [in_both, only_a]), (b, [in_both, only_b])] {
            store.set_tenant_config(tenant, &settings, admin).await.unwrap();
            for user in users {
                store.set_user_config(tenant, user, &settings, admin).await.unwrap();
            }
        }
        Self { pool, a, b, in_both, only_a, only_b }
    }

    async fn seen(&self, role: &str, claims: &str) -> Vec<Row> {
        let mut session = roles::session(&self.pool, role, claims).await;
        let select = "SELECT config_level, tenant_id, user_id FROM conversation_configs ORDER BY 1, 2, 3";
        sqlx::query_as(select).fetch_all(&mut *session).await.unwrap()
    }

    async fn change(&self, role: &str, claims: &str, statement: &str) -> Result<u64, String> {
        roles::change(&self.pool, role, claims, statement).await
    }

    fn rows(&self) -> [Row; 7] {
        let mut rows = [
            global(),
            of_tenant(self.a),
            of_tenant(self.b),
            of_user(self.a, self.in_both),
            of_user(self.a, self.only_a),
            of_user(self.b, self.in_both),
            of_user(self.b, self.only_b),
        ];
        rows.sort();
        rows
    }
}

fn global() -> Row {
    ("global".into(), None, None)
}

fn of_tenant(tenant: TenantId) -> Row {
    ("tenant".into(), Some(tenant), None)
}

fn of_user(tenant: TenantId, user: UserId) -> Row {
    ("user".into(), Some(tenant), Some(user))
}

fn insert((level, tenant, user): &Row) -> String {
    let id = |id: Option<String>| id.map_or("NULL".to_owned(), |id| format!("'{id}'"));
    let (tenant, user) = (id(tenant.map(|id| id.to_string())), id(user.map(|id| id.to_string())));
    format!("INSERT INTO conversation_configs (config_level, tenant_id, user_id) VALUES ('{level}', {tenant}, {user})")
}

fn find((level, tenant, user): &Row) -> String {
    let is = |id: Option<String>| id.map_or("IS NULL".to_owned(), |id| format!("= '{id}'"));
    let (tenant, user) = (is(tenant.map(|id| id.to_string())), is(user.map(|id| id.to_string())));
    format!("WHERE config_level = '{level}' AND tenant_id {tenant} AND user_id {user}")
}

fn update(row: &Row) -> String {
    format!("UPDATE conversation_configs SET merge_max_messages = 8 {}", find(row))
}

fn delete(row: &Row) -> String {
    format!("DELETE FROM conversation_configs {}", find(row))
}

#[tokio::test]
async fn the_service_sees_and_writes_every_row() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.seen("service_role", "").await, fixture.rows());
    for row in fixture.rows() {
        assert_eq!(fixture.change("service_role", "", &update(&row)).await, Ok(1), "{row:?}");
        assert_eq!(fixture.change("service_role", "", &delete(&row)).await, Ok(1), "{row:?}");
    }
    for row in [of_tenant(TenantId::random()), of_user(fixture.a, UserId::random())] {
        assert_eq!(fixture.change("service_role", "", &insert(&row)).await, Ok(1), "{row:?}");
    }
}

#[tokio::test]
async fn a_user_sees_the_global_row_the_tenants_row_and_its_own() {
    let fixture = Fixture::new().await;
    let Fixture { a, b, in_both, only_a, only_b, .. } = fixture;
    for (tenant, user) in [(a, in_both), (a, only_a), (b, in_both), (b, only_b)] {
        let expected = [global(), of_tenant(tenant), of_user(tenant, user)];
        assert_eq!(fixture.seen("authenticated", &claims(tenant, user)).await, expected);
        let nested = format!(r#"{{"sub": "{user}", "app_metadata": {{"tenant_id": "{tenant}"}}}}"#);
        assert_eq!(fixture.seen("authenticated", &nested).await, expected);
    }
    // The user has a row in another tenant, but not in this one.
    assert_eq!(fixture.seen("authenticated", &claims(a, only_b)).await, [global(), of_tenant(a)]);
}

#[tokio::test]
async fn a_token_without_tenant_or_user_sees_accordingly_fewer_rows() {
    let fixture = Fixture::new().await;
    let (a, user) = (fixture.a, fixture.in_both);
    for claims in ["", "{}", r#"{"tenant_id": "%", "sub": null}"#, &format!(r#"{{"sub": "{user}"}}"#)] {
        assert_eq!(fixture.seen("authenticated", claims).await, [global()], "{claims}");
    }
    let editable = format!(r#"{{"sub": "{user}", "user_metadata": {{"tenant_id": "{a}"}}}}"#);
    assert_eq!(fixture.seen("authenticated", &editable).await, [global()]);
    for sub in ["null", r#""someone""#, r#"["x"]"#] {
        let claims = format!(r#"{{"tenant_id": "{a}", "sub": {sub}}}"#);
        assert_eq!(fixture.seen("authenticated", &claims).await, [global(), of_tenant(a)], "{claims}");
    }
}

#[tokio::test]
async fn a_user_writes_its_own_level_only() {
    let fixture = Fixture::new().await;
    let Fixture { a, in_both, .. } = fixture;
    let (own, claims) = (of_user(a, in_both), claims(a, in_both));
    for row in fixture.rows() {
        let allowed = u64::from(row == own);
        assert_eq!(fixture.change("authenticated", &claims, &update(&row)).await, Ok(allowed), "{row:?}");
        assert_eq!(fixture.change("authenticated", &claims, &delete(&row)).await, Ok(allowed), "{row:?}");
    }
    let refused = Err(PERMISSION_DENIED.to_owned());
    for row in [of_tenant(TenantId::random()), of_user(a, UserId::random()), of_user(TenantId::random(), in_both)] {
        assert_eq!(fixture.change("authenticated", &claims, &insert(&row)).await, refused, "{row:?}");
    }
    let newcomer = UserId::random();
    let inserted = fixture.change("authenticated", &roles::claims(a, newcomer), &insert(&of_user(a, newcomer))).await;
    assert_eq!(inserted, Ok(1));
}

/// The owner empties the table first, so that only the policies can refuse the row.
#[tokio::test]
async fn a_user_cannot_become_the_writer_of_the_global_level() {
    let fixture = Fixture::new().await;
    sqlx::query("DELETE FROM conversation_configs").execute(&fixture.pool).await.unwrap();
    let claims = claims(fixture.a, fixture.in_both);
    for row in [global(), of_tenant(fixture.a)] {
        let outcome = fixture.change("authenticated", &claims, &insert(&row)).await;
        assert_eq!(outcome, Err(PERMISSION_DENIED.into()), "{row:?}");
    }
}

#[tokio::test]
async fn a_user_cannot_give_its_row_away() {
    let fixture = Fixture::new().await;
    let Fixture { a, b, in_both, only_b, .. } = fixture;
    let to = |columns: &str| format!("UPDATE conversation_configs SET {columns} {}", find(&of_user(a, in_both)));
    for columns in [
        "config_level = 'tenant', user_id = NULL".to_owned(),
        "config_level = 'global', tenant_id = NULL, user_id = NULL".to_owned(),
        format!("user_id = '{}'", UserId::random()),
        format!("tenant_id = '{b}', user_id = '{only_b}'"),
    ] {
        let outcome = fixture.change("authenticated", &claims(a, in_both), &to(&columns)).await;
        assert_eq!(outcome, Err(PERMISSION_DENIED.into()), "{columns}");
    }
}

#[tokio::test]
async fn a_user_cannot_set_the_author_and_time_of_a_row() {
    let fixture = Fixture::new().await;
    let Fixture { a, in_both, only_a, .. } = fixture;
    let forged = format!("updated_by = '{only_a}', updated_at = 'epoch'");
    let written = format!(
        "UPDATE conversation_configs SET {forged} {} RETURNING updated_by, updated_at > 'epoch'",
        find(&of_user(a, in_both))
    );
    for (role, by) in [("authenticated", in_both), ("service_role", only_a)] {
        let mut session = roles::session(&fixture.pool, role, &claims(a, in_both)).await;
        let found: (UserId, bool) =
            sqlx::query_as(AssertSqlSafe(written.clone())).fetch_one(&mut *session).await.unwrap();
        assert_eq!(found, (by, true), "{role}");
    }
    let newcomer = UserId::random();
    let mut session = roles::session(&fixture.pool, "authenticated", &claims(a, newcomer)).await;
    let inserted = format!("{} RETURNING updated_by", insert(&of_user(a, newcomer)));
    let by: UserId = sqlx::query_scalar(AssertSqlSafe(inserted)).fetch_one(&mut *session).await.unwrap();
    assert_eq!(by, newcomer);
}

#[tokio::test]
async fn another_role_sees_and_writes_nothing_despite_every_grant() {
    let fixture = Fixture::new().await;
    roles::create_auditor(&fixture.pool, "conversation_configs").await;
    for claims in ["", &claims(fixture.a, fixture.in_both)] {
        assert!(fixture.seen("auditor", claims).await.is_empty(), "{claims}");
        for row in fixture.rows() {
            assert_eq!(fixture.change("auditor", claims, &update(&row)).await, Ok(0));
            assert_eq!(fixture.change("auditor", claims, &delete(&row)).await, Ok(0));
        }
        let new = insert(&of_tenant(TenantId::random()));
        assert_eq!(fixture.change("auditor", claims, &new).await, Err(PERMISSION_DENIED.into()));
    }
}

/// On Supabase the role `anon` exists, and new tables are granted to it.
#[tokio::test]
async fn anon_has_no_right_despite_default_grants() {
    let pool = fixtures::empty_postgres().await;
    roles::create_role(&pool, "anon").await;
    let by_default = "CREATE SCHEMA copilot_internal; ALTER DEFAULT PRIVILEGES IN SCHEMA copilot_internal GRANT ALL ON TABLES TO anon;
        GRANT USAGE ON SCHEMA copilot_internal TO anon";
    pool.execute(by_default).await.unwrap();
    stores::migrate(&pool).await.unwrap();
    for statement in ["SELECT FROM conversation_configs", &insert(&global()), &update(&global()), &delete(&global())] {
        let outcome = roles::change(&pool, "anon", "", statement).await;
        assert_eq!(outcome, Err(PERMISSION_DENIED.into()), "{statement}");
    }
}
