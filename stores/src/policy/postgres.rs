//! A store on Postgres, the source of truth that several instances share.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::PgPool;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::types::{Json, Uuid};

use super::check::{COUNT, DELETE, GET, GET_MANY, LIST, SET, Slice, check_policy};
use super::rows::{self, PolicyRow};
use super::{EgressMode, PolicyStore, TenantPolicy, sql};
use crate::backend::postgres::{fetch_all, fetch_optional};
use crate::backend::write_one;
use crate::{Page, PageRequest, StoreError, TenantId};

const GET_SOME: &str = "
    SELECT tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    FROM tenant_llm_policies
    WHERE tenant_id = ANY($1)";

/// Policies in the table `tenant_llm_policies` of the pool's `search_path`.
///
/// A write is one transaction that the server ends within ten seconds, so that no commit outlives the lock of the entry
/// that it makes stale.
///
/// Connect it as the service, never with the rights of a user: a cached policy is the same for every caller, so the
/// rows must not depend on the caller.
#[derive(Debug, Clone)]
pub struct PostgresPolicyStore {
    pool: PgPool,
}

impl PostgresPolicyStore {
    /// Creates a store over this pool. [`migrate`](crate::migrate) creates its table.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl PolicyStore for PostgresPolicyStore {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        let read = fetch_optional(&self.pool, || sqlx::query_as(sql::GET).bind(tenant)).await;
        rows::optional(read, GET)
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        let tenants: Vec<Uuid> = tenants.iter().copied().map(Uuid::from).collect();
        let read = fetch_all(&self.pool, || sqlx::query_as(GET_SOME).bind(&tenants[..])).await;
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
        let counted: Result<Option<(i64,)>, _> = fetch_optional(&self.pool, || sqlx::query_as(sql::COUNT)).await;
        rows::count(counted.map(|row| row.map_or(0, |(count,)| count)), COUNT)
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
            None => fetch_all(&self.pool, || sqlx::query_as(sql::FIRST_PAGE).bind(limit)).await,
            Some(after) => fetch_all(&self.pool, || sqlx::query_as(sql::NEXT_PAGE).bind(limit).bind(after)).await,
        }
    }
}

fn upsert(policy: &TenantPolicy) -> Query<'_, sqlx::Postgres, PgArguments> {
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
