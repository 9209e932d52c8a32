//! The trait of the configuration store, with its cache annotations.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::cached_store;

use super::{ConfigSettings, ConversationConfig};
use crate::{StoreError, TenantId, UserId};

/// The configurations of all conversations, on three levels.
///
/// The levels are global, of a tenant, and of a user of a tenant.
///
/// A write replaces all settings of its level: a setting that it omits is inherited from then on. The settings of a
/// user apply to one tenant; in another tenant the same user has other settings.
///
/// The errors of every method: [`Unavailable`](crate::StoreErrorKind::Unavailable) and
/// [`Timeout`](crate::StoreErrorKind::Timeout) if the database does not answer, and
/// [`Corrupt`](crate::StoreErrorKind::Corrupt) for a row that does not fit its type. Methods that set something also
/// return [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for a count or a time below 1 or above 2,147,483,647,
/// and for a threshold that is no number from 0 to 1.
#[cached_store(namespace = "copilot:conv")]
#[async_trait]
pub trait ConversationConfigStore: Send + Sync {
    /// Returns the effective configuration of a user, or of a tenant if `user` is `None`.
    ///
    /// Each setting is that of the most specific level that sets it, else the built-in one.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[cached(entity = "config", key(tenant, user), ttl = "5m")]
    async fn get_config(&self, tenant: TenantId, user: Option<UserId>) -> Result<Arc<ConversationConfig>, StoreError>;

    /// Replaces the global settings. Empty settings remove them.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the outcome is unknown; the settings are never written in part.
    #[invalidates(get_config(..))]
    async fn set_global_config(&self, settings: &ConfigSettings, by: UserId) -> Result<(), StoreError>;

    /// Replaces the settings of a tenant, which apply to its users too.
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

    /// Deletes the settings of a tenant. Returns whether there were any.
    ///
    /// The settings of its users stay.
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

    /// Replaces the settings of one user of a tenant.
    ///
    /// `by` is the author of the change: the user, or an admin.
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

    /// Deletes the settings of a user. Returns whether there were any.
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
