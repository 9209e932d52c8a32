//! What the store keeps.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use cache_core::CacheValue;
use serde::{Deserialize, Serialize};

use crate::words::parse_word;
use crate::{StoreError, TenantId, UserId};

/// The policy of one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
pub struct TenantPolicy {
    /// Whose policy it is; a tenant has at most one.
    pub tenant_id: TenantId,
    /// The model of a request that names none.
    pub default_model: String,
    /// The provider of that model.
    pub default_provider: String,
    /// Whether a request may leave for a provider at all.
    #[serde(default = "allowed")]
    pub allow_remote_egress: bool,
    /// What happens to a request that breaks the policy; `None` leaves it to the service.
    #[serde(default)]
    pub egress_mode: Option<EgressMode>,
    /// Whether a user may turn the check off; `None` means no.
    #[serde(default)]
    pub allow_off_mode: Option<bool>,
    /// Models for single tasks, in the order in which they were given.
    #[serde(default)]
    pub tasks: Vec<TaskPolicy>,
    /// What differs for single users.
    #[serde(default)]
    pub user_policies: BTreeMap<UserId, UserPolicy>,
}

impl TenantPolicy {
    /// A policy with this default model and nothing else: remote egress is allowed, no mode, tasks or users are set.
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

/// What differs for one user. `None` means: as for the tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, CacheValue)]
pub struct UserPolicy {
    /// See [`TenantPolicy::egress_mode`].
    #[serde(default)]
    pub egress_mode: Option<EgressMode>,
    /// See [`TenantPolicy::allow_off_mode`].
    #[serde(default)]
    pub allow_off_mode: Option<bool>,
}

/// What happens to a request that breaks the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, CacheValue)]
#[serde(rename_all = "lowercase")]
pub enum EgressMode {
    /// It passes.
    Off,
    /// It passes and is written down.
    Audit,
    /// It is refused.
    Enforce,
}

impl EgressMode {
    /// The word that stands for it in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Audit => "audit",
            Self::Enforce => "enforce",
        }
    }
}

impl fmt::Display for EgressMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EgressMode {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        parse_word("parse an egress mode", &[Self::Off, Self::Audit, Self::Enforce], Self::as_str, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_lower_case_words() {
        for mode in [EgressMode::Off, EgressMode::Audit, EgressMode::Enforce] {
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
            assert_eq!(mode.as_str().parse::<EgressMode>().unwrap(), mode);
        }
        assert!("Audit".parse::<EgressMode>().is_err());
    }

    #[test]
    fn what_is_left_out_of_json_has_its_default() {
        let tenant = TenantId::random();
        let json = format!(r#"{{"tenant_id":"{tenant}","default_model":"m","default_provider":"p"}}"#);
        let policy: TenantPolicy = serde_json::from_str(&json).unwrap();
        assert_eq!(policy, TenantPolicy::new(tenant, "m", "p"));
    }
}
