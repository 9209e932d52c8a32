//! The place of a row: its level, with the tenant and the user.

use super::ConfigLevel;
use crate::{TenantId, UserId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Global,
    Tenant(TenantId),
    User(TenantId, UserId),
}

impl Place {
    pub(super) fn level(self) -> ConfigLevel {
        match self {
            Self::Global => ConfigLevel::Global,
            Self::Tenant(_) => ConfigLevel::Tenant,
            Self::User(..) => ConfigLevel::User,
        }
    }

    pub(super) fn tenant(self) -> Option<TenantId> {
        match self {
            Self::Global => None,
            Self::Tenant(tenant) | Self::User(tenant, _) => Some(tenant),
        }
    }

    pub(super) fn user(self) -> Option<UserId> {
        match self {
            Self::Global | Self::Tenant(_) => None,
            Self::User(_, user) => Some(user),
        }
    }
}
