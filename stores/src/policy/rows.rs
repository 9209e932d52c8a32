//! A policy as columns of a row, for every SQL database.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::types::Json;

use super::{EgressMode, TaskPolicy, TenantPolicy, UserPolicy};
use crate::backend::row;
use crate::{StoreError, StoreErrorKind, TenantId, UserId};

row! {
    pub(super) struct PolicyRow {
        tenant_id: TenantId,
        default_model: String,
        default_provider: String,
        allow_remote_egress: bool,
        egress_mode: Option<String>,
        allow_off_mode: Option<bool>,
        tasks: Json<Vec<TaskPolicy>>,
        user_policies: Json<BTreeMap<UserId, UserPolicy>>,
    }
}

impl PolicyRow {
    fn into_policy(self, operation: &'static str) -> Result<Arc<TenantPolicy>, StoreError> {
        let egress_mode = self.egress_mode.as_deref().map(str::parse::<EgressMode>).transpose().map_err(|why| {
            StoreError::new(StoreErrorKind::Corrupt, operation, format!("tenant {}", self.tenant_id)).with_source(why)
        })?;
        Ok(Arc::new(TenantPolicy {
            tenant_id: self.tenant_id,
            default_model: self.default_model,
            default_provider: self.default_provider,
            allow_remote_egress: self.allow_remote_egress,
            egress_mode,
            allow_off_mode: self.allow_off_mode,
            tasks: self.tasks.0,
            user_policies: self.user_policies.0,
        }))
    }
}

/// At most one row.
pub(super) fn optional(
    row: Option<PolicyRow>,
    operation: &'static str,
) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
    row.map(|row| row.into_policy(operation)).transpose()
}

/// All rows of a list.
pub(super) fn all(rows: Vec<PolicyRow>, operation: &'static str) -> Result<Vec<Arc<TenantPolicy>>, StoreError> {
    rows.into_iter().map(|row| row.into_policy(operation)).collect()
}
