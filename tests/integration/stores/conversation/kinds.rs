//! Conversations of every kind that the access rules distinguish.

use serde_json::json;
use stores::conversation::{AuthorizationModel, NewConversation, ShareAudience, TenantAccess};
use stores::{TenantId, UserId};

/// Conversations with and without an owner, for every access rule.
///
/// They combine audience and access, under rbac and as the fallback of `OpenFGA`, and `OpenFGA` without a fallback.
pub(super) fn kinds(tenant: TenantId, owner: UserId) -> Vec<NewConversation> {
    let mut kinds = Vec::new();
    for user_id in [None, Some(owner)] {
        for tenant_access in TenantAccess::ALL {
            let plain = NewConversation { tenant_access: *tenant_access, ..NewConversation::new(tenant, user_id) };
            let openfga = NewConversation {
                authorization_model: AuthorizationModel::Openfga,
                share_audience: ShareAudience::Public,
                ..plain.clone()
            };
            for audience in ShareAudience::ALL {
                let authorization_spec = json!({ "fallback_audience": audience });
                kinds.push(NewConversation { share_audience: *audience, ..plain.clone() });
                kinds.push(NewConversation { authorization_spec, ..openfga.clone() });
            }
            let authorization_spec = json!({ "fallback_audience": "whoever" });
            kinds.push(NewConversation { authorization_spec, ..openfga.clone() });
            kinds.push(openfga);
        }
    }
    kinds
}
