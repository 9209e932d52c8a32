//! A store in a SQL database.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Pool;

use super::check::{DELETE_TENANT, DELETE_USER, GET, SET_GLOBAL, SET_TENANT, SET_USER, check_settings};
use super::dialect::ConfigDialect;
use super::place::Place;
use super::{
    ConfigSettings, ConversationConfig, ConversationConfigStore, MergeCompression, PathCompression, rows, sql,
};
use crate::backend::{Statement, read_all, write_one};
use crate::{StoreError, TenantId, UserId};

/// Configurations in the table `conversation_configs` of the pool's `search_path`.
///
/// A write is one transaction that the server ends within ten seconds, so that no commit outlives the lock of the entries
/// that it makes stale.
///
/// Connect it as the service, never with the rights of a user: a cached configuration is the same for every caller, so
/// the rows must not depend on the caller.
#[cfg(feature = "postgres")]
pub type PostgresConversationConfigStore = SqlConversationConfigStore<sqlx::PgPool>;

/// Configurations in the table `conversation_configs` of a SQLite database.
///
/// [`SqlitePolicyStore`](crate::policy::SqlitePolicyStore) documents how long a write waits.
#[cfg(feature = "sqlite")]
pub type SqliteConversationConfigStore = SqlConversationConfigStore<sqlx::SqlitePool>;

/// Configurations in the table `conversation_configs` of a SQL database.
///
/// `P` is the pool of the database: `PgPool` or `SqlitePool`.
#[derive(Debug, Clone)]
pub struct SqlConversationConfigStore<P> {
    pool: P,
}

impl<P> SqlConversationConfigStore<P> {
    /// Creates a store over this pool. [`migrate`](crate::migrate) creates its table.
    pub fn new(pool: P) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl<DB: ConfigDialect> ConversationConfigStore for SqlConversationConfigStore<Pool<DB>> {
    async fn get_config(&self, tenant: TenantId, user: Option<UserId>) -> Result<Arc<ConversationConfig>, StoreError> {
        rows::config(read_all(&self.pool, GET, Statement::new(sql::GET).bind(tenant).bind(user)).await?)
    }

    async fn set_global_config(&self, settings: &ConfigSettings, by: UserId) -> Result<(), StoreError> {
        set(&self.pool, SET_GLOBAL, Place::Global, settings, by).await
    }

    async fn set_tenant_config(
        &self,
        tenant: TenantId,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError> {
        set(&self.pool, SET_TENANT, Place::Tenant(tenant), settings, by).await
    }

    async fn delete_tenant_config(&self, tenant: TenantId) -> Result<bool, StoreError> {
        let delete = Statement::new(sql::DELETE_TENANT).bind(tenant);
        Ok(write_one(&self.pool, DELETE_TENANT, delete).await? > 0)
    }

    async fn set_user_config(
        &self,
        tenant: TenantId,
        user: UserId,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError> {
        set(&self.pool, SET_USER, Place::User(tenant, user), settings, by).await
    }

    async fn delete_user_config(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
        let delete = Statement::new(sql::DELETE_USER).bind(tenant).bind(user);
        Ok(write_one(&self.pool, DELETE_USER, delete).await? > 0)
    }
}

async fn set<DB: ConfigDialect>(
    pool: &Pool<DB>,
    operation: &'static str,
    place: Place,
    settings: &ConfigSettings,
    by: UserId,
) -> Result<(), StoreError> {
    check_settings(operation, settings)?;
    let upsert = Statement::new(DB::SET)
        .bind(place.level().as_str())
        .bind(place.tenant())
        .bind(place.user())
        .bind(settings.merge_compression_strategy.map(MergeCompression::as_str))
        .bind(settings.merge_max_messages)
        .bind(settings.merge_preserve_pinned)
        .bind(settings.path_compression_strategy.map(PathCompression::as_str))
        .bind(settings.path_max_messages)
        .bind(settings.path_sliding_window_size)
        .bind(settings.path_compression_threshold)
        .bind(settings.auto_compact_enabled)
        .bind(settings.compaction_interval_minutes)
        .bind(by);
    write_one(pool, operation, upsert).await?;
    Ok(())
}
