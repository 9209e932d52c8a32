//! Row visibility for every role, over the rows of two tenants.

use sqlx::PgPool;
use stores::policy::{PolicyStore, PostgresPolicyStore, TenantPolicy};
use stores::{TenantId, UserId};

use super::fixtures;
use super::roles::{self, PERMISSION_DENIED};

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

    async fn seen(&self, role: &str, claims: &str) -> Vec<TenantId> {
        let mut session = roles::session(&self.pool, role, claims).await;
        let select = "SELECT tenant_id FROM tenant_llm_policies ORDER BY tenant_id";
        sqlx::query_scalar(select).fetch_all(&mut *session).await.unwrap()
    }

    async fn change(&self, role: &str, claims: &str, statement: &str) -> Result<u64, String> {
        roles::change(&self.pool, role, claims, statement).await
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
    roles::claims(tenant, UserId::random())
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
async fn another_role_sees_and_writes_nothing_despite_every_grant() {
    let fixture = Fixture::new().await;
    roles::create_auditor(&fixture.pool, "tenant_llm_policies").await;
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
    roles::create_role(&fixture.pool, "stranger").await;
    let select = format!("SELECT FROM {}.tenant_llm_policies", fixtures::SCHEMA);
    assert_eq!(fixture.change("stranger", &claims_of(fixture.a), &select).await, Err(PERMISSION_DENIED.into()));
}
