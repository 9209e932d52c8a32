//! Postgres: the source of truth that several instances share.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::PgPool;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::types::Json;

use super::check::{COUNT, DELETE, GET, LIST, SET, Slice, check_policy};
use super::rows::{self, PolicyRow};
use super::{EgressMode, PolicyStore, TenantPolicy};
use crate::backend::postgres::Write;
use crate::{Page, PageRequest, StoreError, TenantId};

const SELECT: &str = "
    SELECT tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    FROM tenant_llm_policies
    WHERE tenant_id = $1";

// Who wrote the row before is not who writes it now.
const UPSERT: &str = "
    INSERT INTO tenant_llm_policies (
        tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (tenant_id) DO UPDATE SET
        default_model = excluded.default_model,
        default_provider = excluded.default_provider,
        allow_remote_egress = excluded.allow_remote_egress,
        egress_mode = excluded.egress_mode,
        allow_off_mode = excluded.allow_off_mode,
        tasks = excluded.tasks,
        user_policies = excluded.user_policies,
        updated_by = NULL";

const DELETE_ROW: &str = "DELETE FROM tenant_llm_policies WHERE tenant_id = $1";

const COUNT_ROWS: &str = "SELECT count(*) FROM tenant_llm_policies";

const FIRST_PAGE: &str = "
    SELECT tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    FROM tenant_llm_policies
    ORDER BY tenant_id
    LIMIT $1";

const NEXT_PAGE: &str = "
    SELECT tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    FROM tenant_llm_policies
    WHERE tenant_id > $2
    ORDER BY tenant_id
    LIMIT $1";

/// Policies in the table `tenant_llm_policies` of the pool's `search_path`.
///
/// A write is one transaction that the server ends within ten seconds, so that no commit outlives the lock of the entry
/// that it makes stale.
///
/// Connect it as the service, never with the rights of a user: a cached policy is the same for every caller, so the rows
/// must not depend on who asks.
#[derive(Debug, Clone)]
pub struct PostgresPolicyStore {
    pool: PgPool,
}

impl PostgresPolicyStore {
    /// A store over this pool. [`migrate`](crate::migrate) makes its table.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl PolicyStore for PostgresPolicyStore {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        rows::optional(sqlx::query_as(SELECT).bind(tenant).fetch_optional(&self.pool).await, GET)
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        check_policy(policy)?;
        let mut write = Write::begin(&self.pool, SET).await?;
        upsert(policy).execute(write.connection()).await.map_err(Write::failed(SET))?;
        write.commit().await
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        let mut write = Write::begin(&self.pool, DELETE).await?;
        let delete = sqlx::query(DELETE_ROW).bind(tenant).execute(write.connection()).await;
        let existed = delete.map_err(Write::failed(DELETE))?.rows_affected() > 0;
        write.commit().await?;
        Ok(existed)
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        rows::count(sqlx::query_scalar(COUNT_ROWS).fetch_one(&self.pool).await, COUNT)
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        let slice = Slice::of(page)?;
        Ok(slice.page(rows::all(self.read(&slice).await, LIST)?))
    }
}

impl PostgresPolicyStore {
    async fn read(&self, slice: &Slice) -> Result<Vec<PolicyRow>, sqlx::Error> {
        let limit = i64::from(slice.rows_to_read());
        match slice.after {
            None => sqlx::query_as(FIRST_PAGE).bind(limit).fetch_all(&self.pool).await,
            Some(after) => sqlx::query_as(NEXT_PAGE).bind(limit).bind(after).fetch_all(&self.pool).await,
        }
    }
}

fn upsert(policy: &TenantPolicy) -> Query<'_, sqlx::Postgres, PgArguments> {
    sqlx::query(UPSERT)
        .bind(policy.tenant_id)
        .bind(&policy.default_model)
        .bind(&policy.default_provider)
        .bind(policy.allow_remote_egress)
        .bind(policy.egress_mode.map(EgressMode::as_str))
        .bind(policy.allow_off_mode)
        .bind(Json(&policy.tasks))
        .bind(Json(&policy.user_policies))
}
