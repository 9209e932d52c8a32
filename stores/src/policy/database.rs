//! A store in a SQL database.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Pool;

use super::check::{COUNT, DELETE, GET, GET_MANY, LIST, SET, Slice, check_policy};
use super::dialect::PolicyDialect;
use super::{EgressMode, PolicyStore, TenantPolicy, rows, sql};
use crate::backend::{Statement, json, read_all, read_optional, write_one};
use crate::{Page, PageRequest, StoreError, TenantId};

/// Policies in the table `tenant_llm_policies` of the pool's `search_path`.
///
/// A write is one transaction that the server ends within ten seconds, so that no commit outlives the lock of the entry
/// that it makes stale.
///
/// Connect it as the service, never with the rights of a user: a cached policy is the same for every caller, so the
/// rows must not depend on the caller.
#[cfg(feature = "postgres")]
pub type PostgresPolicyStore = SqlPolicyStore<sqlx::PgPool>;

/// Policies in the table `tenant_llm_policies` of a SQLite database.
///
/// A write waits four seconds at most for a connection and for another writer. Without a write-ahead log it waits for
/// readers too before it commits, for at most the pool's `busy_timeout`, 5 s by default: together less than 10 s, the
/// lifetime of the lock on the entry that it makes stale.
#[cfg(feature = "sqlite")]
pub type SqlitePolicyStore = SqlPolicyStore<sqlx::SqlitePool>;

/// Policies in the table `tenant_llm_policies` of a SQL database.
///
/// `P` is the pool of the database: `PgPool` or `SqlitePool`.
#[derive(Debug, Clone)]
pub struct SqlPolicyStore<P> {
    pool: P,
}

impl<P> SqlPolicyStore<P> {
    /// Creates a store over this pool. [`migrate`](crate::migrate) creates its table.
    pub fn new(pool: P) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl<DB: PolicyDialect> PolicyStore for SqlPolicyStore<Pool<DB>> {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        let get = Statement::new(sql::GET).bind(tenant);
        rows::optional(read_optional(&self.pool, GET, get).await?, GET)
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        let get_some = Statement::new(DB::GET_SOME).bind(tenants);
        let policies = rows::all(read_all(&self.pool, GET_MANY, get_some).await?, GET_MANY)?;
        Ok(policies.into_iter().map(|policy| (policy.tenant_id, policy)).collect())
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        check_policy(policy)?;
        write_one(&self.pool, SET, upsert(policy)).await?;
        Ok(())
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        Ok(write_one(&self.pool, DELETE, Statement::new(sql::DELETE).bind(tenant)).await? > 0)
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        let row: Option<(i64,)> = read_optional(&self.pool, COUNT, Statement::new(sql::COUNT)).await?;
        // No database returns a count below zero.
        Ok(row.map_or(0, |(count,)| u64::try_from(count).unwrap_or_default()))
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        let slice = Slice::of(page)?;
        Ok(slice.page(rows::all(read_all(&self.pool, LIST, list(&slice)).await?, LIST)?))
    }
}

fn list(slice: &Slice) -> Statement<'static> {
    match slice.after {
        None => Statement::new(sql::FIRST_PAGE).bind(slice.rows_to_read()),
        Some(after) => Statement::new(sql::NEXT_PAGE).bind(slice.rows_to_read()).bind(after),
    }
}

fn upsert(policy: &TenantPolicy) -> Statement<'_> {
    Statement::new(sql::SET)
        .bind(policy.tenant_id)
        .bind(policy.default_model.as_str())
        .bind(policy.default_provider.as_str())
        .bind(policy.allow_remote_egress)
        .bind(policy.egress_mode.map(EgressMode::as_str))
        .bind(policy.allow_off_mode)
        .bind(json(&policy.tasks))
        .bind(json(&policy.user_policies))
}
