//! A store in the memory of one process, for development and tests.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use async_trait::async_trait;
use chrono::Utc;

use super::check::{SET_GLOBAL, SET_TENANT, SET_USER, check_settings};
use super::effective::{Layer, effective};
use super::place::Place;
use super::{ConfigSettings, ConversationConfig, ConversationConfigStore};
use crate::{StoreError, TenantId, UserId};

type Layers = BTreeMap<Place, Layer>;

/// Configurations in the memory of one process.
#[derive(Debug, Default)]
pub struct MemoryConversationConfigStore {
    layers: RwLock<Layers>,
}

impl MemoryConversationConfigStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // No code that can panic runs under the lock, so even a poisoned one holds complete entries.
    fn write(&self) -> RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(
        &self,
        operation: &'static str,
        place: Place,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError> {
        check_settings(operation, settings)?;
        let level = place.level();
        let layer = Layer { level, settings: *settings, updated_at: Utc::now(), updated_by: Some(by) };
        self.write().insert(place, layer);
        Ok(())
    }
}

#[async_trait]
impl ConversationConfigStore for MemoryConversationConfigStore {
    async fn get_config(&self, tenant: TenantId, user: Option<UserId>) -> Result<Arc<ConversationConfig>, StoreError> {
        let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        let own = user.map(|user| Place::User(tenant, user));
        let places = [Place::Global, Place::Tenant(tenant)].into_iter().chain(own);
        Ok(effective(places.filter_map(|place| layers.get(&place).copied()).collect()))
    }

    async fn set_global_config(&self, settings: &ConfigSettings, by: UserId) -> Result<(), StoreError> {
        self.set(SET_GLOBAL, Place::Global, settings, by)
    }

    async fn set_tenant_config(
        &self,
        tenant: TenantId,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError> {
        self.set(SET_TENANT, Place::Tenant(tenant), settings, by)
    }

    async fn delete_tenant_config(&self, tenant: TenantId) -> Result<bool, StoreError> {
        Ok(self.write().remove(&Place::Tenant(tenant)).is_some())
    }

    async fn set_user_config(
        &self,
        tenant: TenantId,
        user: UserId,
        settings: &ConfigSettings,
        by: UserId,
    ) -> Result<(), StoreError> {
        self.set(SET_USER, Place::User(tenant, user), settings, by)
    }

    async fn delete_user_config(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
        Ok(self.write().remove(&Place::User(tenant, user)).is_some())
    }
}
