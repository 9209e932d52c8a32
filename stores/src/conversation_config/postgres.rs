//! A store on Postgres, the source of truth that several instances share.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::PgPool;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::check::{DELETE_TENANT, DELETE_USER, SET_GLOBAL, SET_TENANT, SET_USER, check_settings};
use super::place::Place;
use super::{
    ConfigSettings, ConversationConfig, ConversationConfigStore, MergeCompression, PathCompression, rows, sql,
};
use crate::backend::postgres::fetch_all;
use crate::backend::write_one;
use crate::{StoreError, TenantId, UserId};

/// Configurations in the table `conversation_configs` of the pool's `search_path`.
///
/// A write is one transaction that the server ends within ten seconds, so that no commit outlives the lock of the entries
/// that it makes stale.
///
/// Connect it as the service, never with the rights of a user: a cached configuration is the same for every caller, so
/// the rows must not depend on the caller.
#[derive(Debug, Clone)]
pub struct PostgresConversationConfigStore {
    pool: PgPool,
}

impl PostgresConversationConfigStore {
    /// Creates a store over this pool. [`migrate`](crate::migrate) creates its table.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    async fn set(
        &self,
        operation: &'static str,
        place: Place,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError> {
        check_settings(operation, settings)?;
        write_one(&self.pool, operation, upsert(place, settings, by)).await?;
        Ok(())
    }
}

#[async_trait]
impl ConversationConfigStore for PostgresConversationConfigStore {
    async fn get_config(&self, tenant: TenantId, user: Option<UserId>) -> Result<Arc<ConversationConfig>, StoreError> {
        rows::config(fetch_all(&self.pool, || sqlx::query_as(sql::GET).bind(tenant).bind(user)).await)
    }

    async fn set_global_config(&self, settings: &ConfigSettings, by: UserId) -> Result<(), StoreError> {
        self.set(SET_GLOBAL, Place::Global, settings, by).await
    }

    async fn set_tenant_config(
        &self,
        tenant: TenantId,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError> {
        self.set(SET_TENANT, Place::Tenant(tenant), settings, by).await
    }

    async fn delete_tenant_config(&self, tenant: TenantId) -> Result<bool, StoreError> {
        Ok(write_one(&self.pool, DELETE_TENANT, sqlx::query(sql::DELETE_TENANT).bind(tenant)).await? > 0)
    }

    async fn set_user_config(
        &self,
        tenant: TenantId,
        user: UserId,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError> {
        self.set(SET_USER, Place::User(tenant, user), settings, by).await
    }

    async fn delete_user_config(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
        Ok(write_one(&self.pool, DELETE_USER, sqlx::query(sql::DELETE_USER).bind(tenant).bind(user)).await? > 0)
    }
}

fn upsert(place: Place, settings: &ConfigSettings, by: UserId) -> Query<'static, sqlx::Postgres, PgArguments> {
    sqlx::query(sql::SET_IN_POSTGRES)
        .bind(place.level().as_str())
        .bind(place.tenant())
        .bind(place.user())
        .bind(settings.merge_compression_strategy.map(MergeCompression::as_str))
        .bind(settings.merge_max_messages.map(i64::from))
        .bind(settings.merge_preserve_pinned)
        .bind(settings.path_compression_strategy.map(PathCompression::as_str))
        .bind(settings.path_max_messages.map(i64::from))
        .bind(settings.path_sliding_window_size.map(i64::from))
        .bind(settings.path_compression_threshold)
        .bind(settings.auto_compact_enabled)
        .bind(settings.compaction_interval_minutes.map(i64::from))
        .bind(by)
}
