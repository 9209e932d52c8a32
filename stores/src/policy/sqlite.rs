//! SQLite: the source of truth of one process, in a file of its own.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::types::Json;

use super::check::{COUNT, DELETE, GET, LIST, SET, Slice, check_policy};
use super::rows::{self, PolicyRow};
use super::{EgressMode, PolicyStore, TenantPolicy};
use crate::backend::sqlite::connection_for_write;
use crate::backend::store_error;
use crate::{Page, PageRequest, StoreError, TenantId};

const SELECT: &str = "
    SELECT tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    FROM tenant_llm_policies
    WHERE tenant_id = ?1";

// Who wrote the row before is not who writes it now.
const UPSERT: &str = "
    INSERT INTO tenant_llm_policies (
        tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    )
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (tenant_id) DO UPDATE SET
        default_model = excluded.default_model,
        default_provider = excluded.default_provider,
        allow_remote_egress = excluded.allow_remote_egress,
        egress_mode = excluded.egress_mode,
        allow_off_mode = excluded.allow_off_mode,
        tasks = excluded.tasks,
        user_policies = excluded.user_policies,
        updated_by = NULL";

const DELETE_ROW: &str = "DELETE FROM tenant_llm_policies WHERE tenant_id = ?1";

const COUNT_ROWS: &str = "SELECT count(*) FROM tenant_llm_policies";

const FIRST_PAGE: &str = "
    SELECT tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    FROM tenant_llm_policies
    ORDER BY tenant_id
    LIMIT ?1";

const NEXT_PAGE: &str = "
    SELECT tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    FROM tenant_llm_policies
    WHERE tenant_id > ?2
    ORDER BY tenant_id
    LIMIT ?1";

/// Policies in the table `tenant_llm_policies` of a SQLite database.
///
/// A write waits four seconds at most for a connection, and then for another writer as long as the pool's `busy_timeout`
/// says, 5 s unless it was told otherwise: together less than 10 s, the life of the lock on the entry that it makes
/// stale.
#[derive(Debug, Clone)]
pub struct SqlitePolicyStore {
    pool: SqlitePool,
}

impl SqlitePolicyStore {
    /// A store over this pool. [`migrate`](crate::migrate) makes its table.
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl PolicyStore for SqlitePolicyStore {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        rows::optional(sqlx::query_as(SELECT).bind(tenant).fetch_optional(&self.pool).await, GET)
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        check_policy(policy)?;
        let mut connection = connection_for_write(&self.pool, SET).await?;
        upsert(policy).execute(&mut *connection).await.map_err(|error| store_error(SET, error))?;
        Ok(())
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        let mut connection = connection_for_write(&self.pool, DELETE).await?;
        let delete = sqlx::query(DELETE_ROW).bind(tenant).execute(&mut *connection).await;
        Ok(delete.map_err(|error| store_error(DELETE, error))?.rows_affected() > 0)
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        rows::count(sqlx::query_scalar(COUNT_ROWS).fetch_one(&self.pool).await, COUNT)
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
            None => sqlx::query_as(FIRST_PAGE).bind(limit).fetch_all(&self.pool).await,
            Some(after) => sqlx::query_as(NEXT_PAGE).bind(limit).bind(after).fetch_all(&self.pool).await,
        }
    }
}

fn upsert(policy: &TenantPolicy) -> Query<'_, sqlx::Sqlite, SqliteArguments> {
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
