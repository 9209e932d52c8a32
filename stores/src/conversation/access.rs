//! The access rules of conversations, as pure functions of the row and the user.
//!
//! Conversations of another tenant never reach these rules: they do not exist for the caller.
//!
//! "No user" is a call that names no user. Such a call owns nothing, and so reads only conversations that all users of
//! the tenant may read. It may change a conversation itself and delete messages: there the service acts on its own
//! behalf.

use serde_json::Value;

use super::{AuthorizationModel, Conversation, MessageRole, ShareAudience, TenantAccess};
use crate::{StoreError, StoreErrorKind, UserId};

/// The fields of an `OpenFGA` specification for its fallback.
///
/// The first one that is present and not null decides.
const FALLBACK_FIELDS: [&str; 2] = ["fallback_audience", "fallbackAudience"];

impl Conversation {
    /// The users besides its owner that may see it, under any authorization model.
    ///
    /// Under rbac that is its [`share_audience`](Self::share_audience). Under `OpenFGA` it is the field
    /// `fallback_audience` of its [`authorization_spec`](Self::authorization_spec), or else `fallbackAudience`. If
    /// neither is present, or the first one that is present has a value other than `tenant` or `public`, it is private.
    pub fn effective_audience(&self) -> ShareAudience {
        match self.authorization_model {
            AuthorizationModel::Rbac => self.share_audience,
            AuthorizationModel::Openfga => fallback_audience(&self.authorization_spec),
        }
    }
}

fn fallback_audience(spec: &Value) -> ShareAudience {
    let field = FALLBACK_FIELDS.iter().find_map(|name| spec.get(name).filter(|value| !value.is_null()));
    field.and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or(ShareAudience::Private)
}

/// Whether this user may see the conversation.
///
/// Its effective audience is the tenant or the public, it has no owner, or the user owns it. A call without a user sees
/// the conversations that all users of the tenant see.
pub fn may_read(conversation: &Conversation, user: Option<UserId>) -> bool {
    conversation.effective_audience() != ShareAudience::Private || is_own(conversation, user)
}

/// Whether this user may append a message of this role.
///
/// The roles assistant and system always may. A user may if the effective audience is the tenant with edit access, if
/// the conversation has no owner, or if the user owns it.
pub fn may_write(conversation: &Conversation, role: MessageRole, user: Option<UserId>) -> bool {
    role != MessageRole::User || is_open_to_edits(conversation) || is_own(conversation, user)
}

/// Whether this user may delete a message.
///
/// Every user that may write one may, and so may the service, which is no user.
pub fn may_delete(conversation: &Conversation, user: Option<UserId>) -> bool {
    user.is_none() || may_write(conversation, MessageRole::User, user)
}

/// Whether this user may share or archive the conversation.
///
/// Its owner may, all users if it has none, and the service, which is no user. Edit access of the tenant is a right to
/// write, not to change the access of others.
pub fn may_administer(conversation: &Conversation, user: Option<UserId>) -> bool {
    user.is_none() || is_own(conversation, user)
}

fn is_own(conversation: &Conversation, user: Option<UserId>) -> bool {
    conversation.user_id.is_none_or(|owner| user == Some(owner))
}

fn is_open_to_edits(conversation: &Conversation) -> bool {
    conversation.effective_audience() == ShareAudience::Tenant && conversation.tenant_access == TenantAccess::Edit
}

/// The outcome of a change that is allowed or not.
///
/// A user that may not see the conversation receives the same error as if it did not exist.
pub(super) fn permit(
    conversation: &Conversation,
    user: Option<UserId>,
    operation: &'static str,
    allowed: bool,
) -> Result<(), StoreError> {
    if allowed {
        return Ok(());
    }
    if may_read(conversation, user) {
        return Err(StoreError::new(StoreErrorKind::Forbidden, operation, "the conversation is there to be read"));
    }
    Err(not_found(operation))
}

/// The error of a change of a conversation that does not exist for the caller.
pub(super) fn not_found(operation: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::NotFound, operation, "a conversation")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::super::Trace;
    use super::*;
    use crate::{ConversationId, TenantId};

    const OWNER: UserId = UserId::new(uuid::Uuid::from_u128(1));
    const STRANGER: UserId = UserId::new(uuid::Uuid::from_u128(2));

    fn conversation(owner: Option<UserId>, share_audience: ShareAudience, tenant_access: TenantAccess) -> Conversation {
        Conversation {
            id: ConversationId::random(),
            tenant_id: TenantId::random(),
            user_id: owner,
            share_audience,
            tenant_access,
            authorization_model: AuthorizationModel::Rbac,
            authorization_spec: json!({}),
            persona_id: None,
            jurisdictions: Vec::new(),
            title: None,
            active_path_id: None,
            archived_at: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            last_message_at: None,
            trace: Trace::default(),
        }
    }

    fn openfga(share_audience: ShareAudience, spec: Value) -> Conversation {
        Conversation {
            authorization_model: AuthorizationModel::Openfga,
            authorization_spec: spec,
            ..conversation(Some(OWNER), share_audience, TenantAccess::Edit)
        }
    }

    #[test]
    fn under_rbac_the_audience_is_the_conversations_own() {
        for audience in ShareAudience::ALL {
            let mut conversation = conversation(None, *audience, TenantAccess::View);
            conversation.authorization_spec = json!({ "fallback_audience": "public" });
            assert_eq!(conversation.effective_audience(), *audience);
        }
    }

    #[test]
    fn under_openfga_it_is_the_fallback_of_the_specification() {
        use ShareAudience::{Private, Public, Tenant};
        for (spec, expected) in [
            (json!({ "fallback_audience": "private" }), Private),
            (json!({ "fallback_audience": "tenant" }), Tenant),
            (json!({ "fallback_audience": "public" }), Public),
            (json!({ "fallbackAudience": "tenant" }), Tenant),
            (json!({ "fallbackAudience": "public", "other": 1 }), Public),
            (json!({ "fallback_audience": "private", "fallbackAudience": "public" }), Private),
            (json!({ "fallback_audience": "tenant", "fallbackAudience": "private" }), Tenant),
            (json!({ "fallback_audience": null, "fallbackAudience": "tenant" }), Tenant),
            (json!({ "fallback_audience": "everybody", "fallbackAudience": "tenant" }), Private),
            (json!({ "fallback_audience": "Tenant" }), Private),
            (json!({ "fallback_audience": " tenant" }), Private),
            (json!({ "fallback_audience": "" }), Private),
            (json!({ "fallback_audience": ["tenant"] }), Private),
            (json!({ "fallback_audience": { "tenant": "tenant" } }), Private),
            (json!({ "fallback_audience": true }), Private),
            (json!({ "nested": { "fallback_audience": "tenant" } }), Private),
            (json!({}), Private),
        ] {
            for own in ShareAudience::ALL {
                assert_eq!(openfga(*own, spec.clone()).effective_audience(), expected, "{spec}");
            }
        }
    }

    /// The rights of no user, the owner and another user.
    ///
    /// They are to read, write as a user, delete and administer.
    const RIGHTS: [(Option<UserId>, ShareAudience, TenantAccess, [&str; 3]); 12] = {
        use ShareAudience::{Private, Public, Tenant};
        use TenantAccess::{Edit, View};
        [
            (Some(OWNER), Private, View, ["--da", "rwda", "----"]),
            (Some(OWNER), Private, Edit, ["--da", "rwda", "----"]),
            (Some(OWNER), Tenant, View, ["r-da", "rwda", "r---"]),
            (Some(OWNER), Tenant, Edit, ["rwda", "rwda", "rwd-"]),
            (Some(OWNER), Public, View, ["r-da", "rwda", "r---"]),
            (Some(OWNER), Public, Edit, ["r-da", "rwda", "r---"]),
            (None, Private, View, ["rwda", "rwda", "rwda"]),
            (None, Private, Edit, ["rwda", "rwda", "rwda"]),
            (None, Tenant, View, ["rwda", "rwda", "rwda"]),
            (None, Tenant, Edit, ["rwda", "rwda", "rwda"]),
            (None, Public, View, ["rwda", "rwda", "rwda"]),
            (None, Public, Edit, ["rwda", "rwda", "rwda"]),
        ]
    };

    fn rights(conversation: &Conversation, user: Option<UserId>) -> String {
        [
            ('r', may_read(conversation, user)),
            ('w', may_write(conversation, MessageRole::User, user)),
            ('d', may_delete(conversation, user)),
            ('a', may_administer(conversation, user)),
        ]
        .map(|(letter, may)| if may { letter } else { '-' })
        .iter()
        .collect()
    }

    #[test]
    fn the_table_of_rights() {
        for (owner, audience, access, expected) in RIGHTS {
            let under_rbac = conversation(owner, audience, access);
            let under_openfga = Conversation {
                authorization_model: AuthorizationModel::Openfga,
                authorization_spec: json!({ "fallback_audience": audience }),
                // Must not matter under `OpenFGA`: the opposite.
                share_audience: if audience == ShareAudience::Private {
                    ShareAudience::Tenant
                } else {
                    ShareAudience::Private
                },
                ..under_rbac.clone()
            };
            for (user, expected) in [None, Some(OWNER), Some(STRANGER)].into_iter().zip(expected) {
                assert_eq!(rights(&under_rbac, user), expected, "{owner:?} {audience} {access}, {user:?}");
                assert_eq!(
                    rights(&under_openfga, user),
                    expected,
                    "{owner:?} {audience} {access} by OpenFGA, {user:?}"
                );
                for role in [MessageRole::Assistant, MessageRole::System] {
                    assert!(may_write(&under_rbac, role, user) && may_write(&under_openfga, role, user), "{role}");
                }
            }
        }
    }

    #[test]
    fn a_refusal_reveals_a_conversation_only_to_its_readers() {
        let shared = conversation(Some(OWNER), ShareAudience::Tenant, TenantAccess::View);
        let private = conversation(Some(OWNER), ShareAudience::Private, TenantAccess::View);
        let refusal = |conversation| permit(conversation, Some(STRANGER), "change", false).unwrap_err();
        assert_eq!(refusal(&shared).kind(), StoreErrorKind::Forbidden);
        assert_eq!(refusal(&private).kind(), StoreErrorKind::NotFound);
        assert_eq!(
            refusal(&private).to_string(),
            not_found("change").to_string(),
            "the message reveals nothing either"
        );
        assert!(permit(&private, Some(STRANGER), "change", true).is_ok());
    }
}
