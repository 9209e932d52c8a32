//! A store on SQLite, the source of truth of one process, in its own file.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::types::Json;

use super::check::{COUNT, DELETE, GET, GET_MANY, LIST, SET, Slice, check_policy};
use super::rows::{self, PolicyRow};
use super::{EgressMode, PolicyStore, TenantPolicy, sql};
use crate::backend::write_one;
use crate::{Page, PageRequest, StoreError, TenantId};

// SQLite has no arrays; a list of hexadecimal digits takes one parameter however long it is.
const GET_SOME: &str = "
    SELECT tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    FROM tenant_llm_policies
    WHERE tenant_id IN (SELECT unhex(value) FROM json_each($1))";

/// Policies in the table `tenant_llm_policies` of a SQLite database.
///
/// A write waits four seconds at most for a connection and for another writer. Without a write-ahead log it waits for
/// readers too before it commits, for at most the pool's `busy_timeout`, 5 s by default: together less than 10 s, the
/// lifetime of the lock on the entry that it makes stale.
#[derive(Debug, Clone)]
pub struct SqlitePolicyStore {
    pool: SqlitePool,
}

impl SqlitePolicyStore {
    /// Creates a store over this pool. [`migrate`](crate::migrate) creates its table.
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl PolicyStore for SqlitePolicyStore {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        rows::optional(sqlx::query_as(sql::GET).bind(tenant).fetch_optional(&self.pool).await, GET)
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        let tenants: Vec<String> = tenants.iter().map(|tenant| tenant.as_uuid().simple().to_string()).collect();
        let read = sqlx::query_as(GET_SOME).bind(Json(tenants)).fetch_all(&self.pool).await;
        Ok(rows::by_tenant(rows::all(read, GET_MANY)?))
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        check_policy(policy)?;
        write_one(&self.pool, SET, upsert(policy)).await?;
        Ok(())
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        Ok(write_one(&self.pool, DELETE, sqlx::query(sql::DELETE).bind(tenant)).await? > 0)
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        rows::count(sqlx::query_scalar(sql::COUNT).fetch_one(&self.pool).await, COUNT)
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        let slice = Slice::of(page)?;
        Ok(slice.page(rows::all(self.read(&slice).await, LIST)?))
    }
}

impl SqlitePolicyStore {
    async fn read(&self, slice: &Slice) -> Result<Vec<PolicyRow>, sqlx::Error> {
        let limit = i64::from(slice.rows_to_read());
        match slice.after {
            None => sqlx::query_as(sql::FIRST_PAGE).bind(limit).fetch_all(&self.pool).await,
            Some(after) => sqlx::query_as(sql::NEXT_PAGE).bind(limit).bind(after).fetch_all(&self.pool).await,
        }
    }
}

fn upsert(policy: &TenantPolicy) -> Query<'_, sqlx::Sqlite, SqliteArguments> {
    sqlx::query(sql::SET)
        .bind(policy.tenant_id)
        .bind(&policy.default_model)
        .bind(&policy.default_provider)
        .bind(policy.allow_remote_egress)
        .bind(policy.egress_mode.map(EgressMode::as_str))
        .bind(policy.allow_off_mode)
        .bind(Json(&policy.tasks))
        .bind(Json(&policy.user_policies))
}
