//! Sessions as Supabase opens them: a role, and the claims of a verified token.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, Executor, PgPool, Postgres, Transaction};
use stores::{TenantId, UserId};

/// The error code for insufficient privileges.
pub(super) const PERMISSION_DENIED: &str = "42501";

/// A transaction of this role with a verified token's claims, which is never committed.
pub(super) async fn session(pool: &PgPool, role: &str, claims: &str) -> Transaction<'static, Postgres> {
    let mut session = pool.begin().await.unwrap();
    let set = "SELECT set_config('request.jwt.claims', $1, true)";
    sqlx::query(set).bind(claims).execute(&mut *session).await.unwrap();
    session.execute(AssertSqlSafe(format!("SET LOCAL ROLE {role}"))).await.unwrap();
    session
}

/// The number of rows that a statement changed, or the code of its error.
pub(super) async fn change(pool: &PgPool, role: &str, claims: &str, statement: &str) -> Result<u64, String> {
    let mut session = session(pool, role, claims).await;
    let changed = session.execute(AssertSqlSafe(statement)).await;
    changed.map(|done| done.rows_affected()).map_err(|error| {
        error.as_database_error().and_then(|error| error.code().map(Cow::into_owned)).unwrap_or_default()
    })
}

/// Creates a role with all grants on a table, so only policies restrict its rows.
pub(super) async fn create_auditor(pool: &PgPool, table: &str) {
    create_role(pool, "auditor").await;
    let grant = format!("GRANT USAGE ON SCHEMA copilot_internal TO auditor; GRANT ALL ON {table} TO auditor");
    pool.execute(AssertSqlSafe(grant)).await.unwrap();
}

/// Creates a role on the shared server, unless another test has already done so.
pub(super) async fn create_role(pool: &PgPool, role: &str) {
    let create = format!(
        "DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    pool.execute(AssertSqlSafe(create)).await.unwrap();
}

/// The claims of a user with a known tenant.
pub(super) fn claims(tenant: TenantId, user: UserId) -> String {
    format!(r#"{{"sub": "{user}", "role": "authenticated", "tenant_id": "{tenant}"}}"#)
}
