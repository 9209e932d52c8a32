//! Who sees which row: every role against the rows of two tenants.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, Executor, PgPool, Postgres, Transaction};
use stores::TenantId;
use stores::policy::{PolicyStore, PostgresPolicyStore, TenantPolicy};

use super::fixtures;

/// A role that may use the table as far as grants go: only its policies stand between it and the rows.
const AUDITOR: &str = "
    DO $$ BEGIN CREATE ROLE auditor; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
    GRANT USAGE ON SCHEMA copilot_internal TO auditor;
    GRANT ALL ON tenant_llm_policies TO auditor;";

const PERMISSION_DENIED: &str = "42501";

struct Fixture {
    pool: PgPool,
    a: TenantId,
    b: TenantId,
}

impl Fixture {
    async fn new() -> Self {
        let pool = fixtures::postgres().await;
        let store = PostgresPolicyStore::new(pool.clone());
        let (a, b) = (TenantId::random(), TenantId::random());
        for tenant in [a, b] {
            store.set_policy(&TenantPolicy::new(tenant, "m", "p")).await.unwrap();
        }
        Self { pool, a, b }
    }

    /// A transaction as Supabase opens it: the claims of the verified token, then the role.
    async fn session(&self, role: &str, claims: &str) -> Transaction<'static, Postgres> {
        let mut session = self.pool.begin().await.unwrap();
        let set = "SELECT set_config('request.jwt.claims', $1, true)";
        sqlx::query(set).bind(claims).execute(&mut *session).await.unwrap();
        session.execute(AssertSqlSafe(format!("SET LOCAL ROLE {role}"))).await.unwrap();
        session
    }

    async fn seen(&self, role: &str, claims: &str) -> Vec<TenantId> {
        let mut session = self.session(role, claims).await;
        let select = "SELECT tenant_id FROM tenant_llm_policies ORDER BY tenant_id";
        sqlx::query_scalar(select).fetch_all(&mut *session).await.unwrap()
    }

    /// The rows that a statement changed, or the code of the error that it met.
    async fn change(&self, role: &str, claims: &str, statement: &str) -> Result<u64, String> {
        let mut session = self.session(role, claims).await;
        let changed = session.execute(AssertSqlSafe(statement)).await;
        changed.map(|done| done.rows_affected()).map_err(|error| {
            error.as_database_error().and_then(|error| error.code().map(Cow::into_owned)).unwrap_or_default()
        })
    }

    fn both(&self) -> Vec<TenantId> {
        let mut both = vec![self.a, self.b];
        both.sort();
        both
    }

    fn writes(&self) -> [String; 3] {
        let new = TenantId::random();
        [
            format!(
                "INSERT INTO tenant_llm_policies (tenant_id, default_model, default_provider) VALUES ('{new}', 'm', 'p')"
            ),
            format!("UPDATE tenant_llm_policies SET default_model = 'x' WHERE tenant_id = '{}'", self.a),
            format!("DELETE FROM tenant_llm_policies WHERE tenant_id = '{}'", self.a),
        ]
    }
}

fn claims_of(tenant: TenantId) -> String {
    format!(r#"{{"sub": "someone", "role": "authenticated", "tenant_id": "{tenant}"}}"#)
}

#[tokio::test]
async fn the_service_sees_and_writes_every_row() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.seen("service_role", "").await, fixture.both());
    for statement in fixture.writes() {
        assert_eq!(fixture.change("service_role", "", &statement).await, Ok(1), "{statement}");
    }
}

#[tokio::test]
async fn a_user_sees_the_rows_of_the_tenant_in_the_claims() {
    let fixture = Fixture::new().await;
    for tenant in [fixture.a, fixture.b] {
        assert_eq!(fixture.seen("authenticated", &claims_of(tenant)).await, [tenant]);
        let nested = format!(r#"{{"app_metadata": {{"tenant_id": "{tenant}"}}}}"#);
        assert_eq!(fixture.seen("authenticated", &nested).await, [tenant]);
    }
    assert!(fixture.seen("authenticated", &claims_of(TenantId::random())).await.is_empty(), "of a tenant without rows");
}

#[tokio::test]
async fn a_user_without_a_tenant_sees_nothing() {
    let fixture = Fixture::new().await;
    let a = fixture.a;
    let editable = format!(r#"{{"user_metadata": {{"tenant_id": "{a}"}}}}"#);
    for claims in ["", "{}", r#"{"tenant_id": null}"#, r#"{"tenant_id": "%"}"#, r#"{"tenant_id": ["x"]}"#, &editable] {
        assert!(fixture.seen("authenticated", claims).await.is_empty(), "{claims}");
    }
}

#[tokio::test]
async fn a_user_writes_nothing() {
    let fixture = Fixture::new().await;
    for statement in fixture.writes() {
        let outcome = fixture.change("authenticated", &claims_of(fixture.a), &statement).await;
        assert_eq!(outcome, Err(PERMISSION_DENIED.into()), "{statement}");
    }
}

#[tokio::test]
async fn another_role_sees_and_writes_nothing_though_it_has_every_grant() {
    let fixture = Fixture::new().await;
    fixture.pool.execute(AUDITOR).await.unwrap();
    for claims in ["", &claims_of(fixture.a)] {
        assert!(fixture.seen("auditor", claims).await.is_empty(), "{claims}");
        let [insert, update, delete] = fixture.writes();
        assert_eq!(fixture.change("auditor", claims, &insert).await, Err(PERMISSION_DENIED.into()));
        assert_eq!(fixture.change("auditor", claims, &update).await, Ok(0));
        assert_eq!(fixture.change("auditor", claims, &delete).await, Ok(0));
    }
}

#[tokio::test]
async fn a_role_without_grants_is_refused() {
    let fixture = Fixture::new().await;
    let create =
        "DO $$ BEGIN CREATE ROLE stranger; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
    fixture.pool.execute(create).await.unwrap();
    let select = format!("SELECT FROM {}.tenant_llm_policies", fixtures::SCHEMA);
    assert_eq!(fixture.change("stranger", &claims_of(fixture.a), &select).await, Err(PERMISSION_DENIED.into()));
}
