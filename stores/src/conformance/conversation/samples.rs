//! Conversations of every kind.

use serde_json::{Value, json};

use crate::conversation::{AuthorizationModel, NewConversation, ShareAudience, TenantAccess, Trace};
use crate::{PathId, TenantId, UserId};

/// Under `OpenFGA`, with and without a fallback.
pub(super) fn specs() -> Vec<Value> {
    vec![
        json!({}),
        json!({ "fallback_audience": "private" }),
        json!({ "fallback_audience": "tenant" }),
        json!({ "fallback_audience": "public", "store": "01H" }),
        json!({ "fallbackAudience": "tenant" }),
        json!({ "fallback_audience": null, "fallbackAudience": "public" }),
        json!({ "fallback_audience": "private", "fallbackAudience": "public" }),
        json!({ "fallback_audience": "nobody", "fallbackAudience": "tenant" }),
        json!({ "fallback_audience": "TENANT" }),
        json!({ "fallback_audience": ["tenant"] }),
        json!({ "fallback_audience": { "fallback_audience": "tenant" } }),
        json!({ "fallback_audience": 1 }),
        json!({ "$.fallback_audience": "tenant" }),
    ]
}

/// One conversation of every kind that the rules of access distinguish.
pub(super) fn kinds(tenant: TenantId, owner: UserId) -> Vec<NewConversation> {
    let mut kinds = Vec::new();
    for user_id in [None, Some(owner)] {
        for share_audience in ShareAudience::ALL {
            for tenant_access in TenantAccess::ALL {
                let (share_audience, tenant_access) = (*share_audience, *tenant_access);
                kinds.push(NewConversation { share_audience, tenant_access, ..NewConversation::new(tenant, user_id) });
            }
        }
        kinds.extend(specs().into_iter().enumerate().map(|(at, authorization_spec)| NewConversation {
            authorization_model: AuthorizationModel::Openfga,
            authorization_spec,
            // Must not matter under `OpenFGA`.
            share_audience: ShareAudience::ALL[at % 3],
            tenant_access: TenantAccess::ALL[at % 2],
            ..NewConversation::new(tenant, user_id)
        }));
    }
    kinds
}

/// A conversation with every field set.
pub(super) fn full(tenant: TenantId, owner: Option<UserId>) -> NewConversation {
    NewConversation {
        tenant_id: tenant,
        user_id: owner,
        share_audience: ShareAudience::Tenant,
        tenant_access: TenantAccess::Edit,
        authorization_model: AuthorizationModel::Openfga,
        authorization_spec: json!({ "fallback_audience": "tenant", "relations": [{ "a": 1 }, null, true, -0.5] }),
        persona_id: Some("lawyer".into()),
        jurisdictions: vec!["de".into(), "eu".into(), "de".into()],
        title: Some("About contracts".into()),
        active_path_id: Some(PathId::random()),
        trace: trace(),
    }
}

pub(super) fn trace() -> Trace {
    Trace {
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        root_span_name: Some("POST /chat".into()),
        root_span_id: Some("00f067aa0ba902b7".into()),
    }
}

/// Objects that a careless database or cache layer would change.
pub(super) fn objects() -> Vec<Value> {
    let nested = (0..60).fold(json!(7), |inner, _| json!([inner]));
    vec![
        json!({}),
        json!({ "": "", "null": null, "list": [], "object": {}, "yes": true }),
        json!({ "numbers": [0, -1, u64::MAX, i64::MIN, 0.1, 1.0, -2.5e-9, 1e-300, 9_007_199_254_740_993_u64] }),
        json!({ "b": 1, "a": 2, "B": 3, "é\u{1f980}\n\t\"\\": "模型 \u{7f} \u{ffff} $1 ?1 :a" }),
        json!({ "deep": nested }),
    ]
}

pub(super) const TEXTS: [&str; 4] =
    ["", " ", "modèle \u{1f980} \"q\" 'a' \\ % _ \n\t\u{7f} 模型", "'; DROP TABLE conversations; --"];
