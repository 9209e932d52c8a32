//! The trait, and what of it is cached.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::cached_store;

use super::{ConfigSettings, ConversationConfig};
use crate::{StoreError, TenantId, UserId};

/// The configurations of all conversations, on three levels: global, of a tenant, of a user of a tenant.
///
/// A write replaces what its level says as a whole: a setting that it leaves out is inherited from then on. What a user
/// sets concerns one tenant; in another one the same user sets it anew.
///
/// The errors of every method: [`Unavailable`](crate::StoreErrorKind::Unavailable) and
/// [`Timeout`](crate::StoreErrorKind::Timeout) where the database does not answer, and
/// [`Corrupt`](crate::StoreErrorKind::Corrupt) for a row that does not fit its type. Those that set something also give
/// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for a count or a time below 1 or above 2,147,483,647, and for
/// a threshold that is no number from 0 to 1.
#[cached_store(namespace = "copilot:conv")]
#[async_trait]
pub trait ConversationConfigStore: Send + Sync {
    /// What holds for the conversations of a user, or of a tenant where no user is named: each setting from the most
    /// specific level that sets it, else the built-in one.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[cached(entity = "config", key(tenant, user), ttl = "5m")]
    async fn get_config(&self, tenant: TenantId, user: Option<UserId>) -> Result<Arc<ConversationConfig>, StoreError>;

    /// Sets what holds for everybody. Settings that are empty take it back.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    ///
    /// # Cancellation
    ///
    /// Whether the settings are written is unknown after the future was dropped; they are never written in part.
    #[invalidates(get_config(..))]
    async fn set_global_config(&self, settings: &ConfigSettings, by: UserId) -> Result<(), StoreError>;

    /// Sets what holds for a tenant and its users.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    ///
    /// # Cancellation
    ///
    /// As for [`set_global_config`](Self::set_global_config).
    #[invalidates(get_config(tenant, ..))]
    async fn set_tenant_config(
        &self,
        tenant: TenantId,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError>;

    /// Deletes what the tenant's level says; what its users set stays. Returns whether there was anything.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    ///
    /// # Cancellation
    ///
    /// As for [`set_global_config`](Self::set_global_config).
    #[invalidates(get_config(tenant, ..))]
    async fn delete_tenant_config(&self, tenant: TenantId) -> Result<bool, StoreError>;

    /// Sets what holds for one user of a tenant. `by` is who says so: the user, or an admin.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    ///
    /// # Cancellation
    ///
    /// As for [`set_global_config`](Self::set_global_config).
    #[invalidates(get_config(tenant, Some(user)))]
    async fn set_user_config(
        &self,
        tenant: TenantId,
        user: UserId,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError>;

    /// Deletes what the user's level says. Returns whether there was anything.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    ///
    /// # Cancellation
    ///
    /// As for [`set_global_config`](Self::set_global_config).
    #[invalidates(get_config(tenant, Some(user)))]
    async fn delete_user_config(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError>;
}
