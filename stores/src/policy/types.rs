//! The rows of the policy store.

use std::collections::BTreeMap;

use cache_core::CacheValue;
use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{TenantId, UserId};

/// The policy of one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
pub struct TenantPolicy {
    /// The tenant of the policy; a tenant has at most one.
    pub tenant_id: TenantId,
    /// The model of a request that names none.
    pub default_model: String,
    /// The provider of that model.
    pub default_provider: String,
    /// Whether a request may be sent to a provider at all.
    #[serde(default = "allowed")]
    pub allow_remote_egress: bool,
    /// The treatment of a request that violates the policy; `None` leaves it to the service.
    #[serde(default)]
    pub egress_mode: Option<EgressMode>,
    /// Whether a user may disable the check; `None` means no.
    #[serde(default)]
    pub allow_off_mode: Option<bool>,
    /// Models for single tasks, in their original order.
    #[serde(default)]
    pub tasks: Vec<TaskPolicy>,
    /// The overrides for single users.
    #[serde(default)]
    pub user_policies: BTreeMap<UserId, UserPolicy>,
}

impl TenantPolicy {
    /// A policy with this default model and nothing else set.
    ///
    /// Remote egress is allowed.
    pub fn new(tenant_id: TenantId, default_model: impl Into<String>, default_provider: impl Into<String>) -> Self {
        Self {
            tenant_id,
            default_model: default_model.into(),
            default_provider: default_provider.into(),
            allow_remote_egress: allowed(),
            egress_mode: None,
            allow_off_mode: None,
            tasks: Vec::new(),
            user_policies: BTreeMap::new(),
        }
    }
}

fn allowed() -> bool {
    true
}

/// The model of one kind of task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
pub struct TaskPolicy {
    /// The task, such as `summarize`.
    pub task: String,
    /// Its model.
    pub model: String,
    /// The provider of that model.
    pub provider: String,
    /// The sampling temperature, a finite number; `None` leaves it to the provider.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// The most tokens of an answer; `None` leaves it to the provider.
    #[serde(default)]
    pub max_tokens: Option<u32>,
}

/// The overrides for one user. `None` inherits the setting of the tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, CacheValue)]
pub struct UserPolicy {
    /// See [`TenantPolicy::egress_mode`].
    #[serde(default)]
    pub egress_mode: Option<EgressMode>,
    /// See [`TenantPolicy::allow_off_mode`].
    #[serde(default)]
    pub allow_off_mode: Option<bool>,
}

words! {
    /// The treatment of a request that violates the policy.
    EgressMode, "an egress mode", "off, audit and enforce" {
        /// The request passes.
        Off = "off",
        /// The request passes and is recorded.
        Audit = "audit",
        /// The request is refused.
        Enforce = "enforce",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::check;

    #[test]
    fn every_mode_has_exactly_one_name() {
        check(EgressMode::ALL, "off audit enforce");
    }

    #[test]
    fn a_field_missing_from_json_has_its_default() {
        let tenant = TenantId::random();
        let json = format!(r#"{{"tenant_id":"{tenant}","default_model":"m","default_provider":"p"}}"#);
        let policy: TenantPolicy = serde_json::from_str(&json).unwrap();
        assert_eq!(policy, TenantPolicy::new(tenant, "m", "p"));
    }
}
