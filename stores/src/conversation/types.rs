//! The rows of the conversation store, and the arguments of its methods.
//!
//! Times have microseconds, the precision of Postgres. JSON is returned as it was written, except that Postgres stores
//! numbers by value: `1e16` may become `10000000000000000`.

use cache_core::CacheValue;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AuthorizationModel, MessageRole, ShareAudience, TenantAccess};
use crate::{ConversationId, MessageId, PathId, TenantId, UserId};

/// A conversation, without its messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
pub struct Conversation {
    /// Its identifier.
    pub id: ConversationId,
    /// The tenant that owns it. It does not exist for any other tenant.
    pub tenant_id: TenantId,
    /// Its owner; `None` if it belongs to all users of the tenant.
    pub user_id: Option<UserId>,
    /// The users that may see it under [`Rbac`](AuthorizationModel::Rbac).
    ///
    /// See [`effective_audience`](Self::effective_audience).
    pub share_audience: ShareAudience,
    /// The access of the tenant's users, if its effective audience is the tenant.
    pub tenant_access: TenantAccess,
    /// The model that decides which users may see it.
    pub authorization_model: AuthorizationModel,
    /// The data of the model, a JSON object.
    pub authorization_spec: Value,
    /// The persona that answers in it.
    pub persona_id: Option<String>,
    /// The jurisdictions that it is subject to, in their original order.
    pub jurisdictions: Vec<String>,
    /// Its title.
    pub title: Option<String>,
    /// The displayed path through its messages.
    pub active_path_id: Option<PathId>,
    /// When it was archived; `None` while it is active.
    pub archived_at: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
    /// When its newest message was appended, deleted or not. It never decreases.
    pub last_message_at: Option<DateTime<Utc>>,
    /// The trace in which it was created.
    pub trace: Trace,
}

impl Conversation {
    /// The time that orders lists: the newest message, or the creation if there is none.
    pub fn last_activity(&self) -> DateTime<Utc> {
        self.last_message_at.unwrap_or(self.created_at)
    }
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
pub struct Message {
    /// Its identifier.
    pub id: MessageId,
    /// The conversation that it is part of.
    pub conversation_id: ConversationId,
    /// The role of its author.
    pub role: MessageRole,
    /// Its text.
    pub content: String,
    /// Its metadata, a JSON object.
    pub metadata: Value,
    /// The user that wrote it, or on whose behalf it was written.
    pub user_id: Option<UserId>,
    /// The trace in which it was written.
    pub trace: Trace,
    /// When it was appended. No two messages of a conversation have the same time.
    pub created_at: DateTime<Utc>,
    /// When it was deleted. A deleted message keeps its row and is not returned any more.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// The place in a distributed trace of a write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, CacheValue)]
pub struct Trace {
    /// The trace.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// The name of its first span.
    #[serde(default)]
    pub root_span_name: Option<String>,
    /// The first span.
    #[serde(default)]
    pub root_span_id: Option<String>,
}

/// A conversation to be created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewConversation {
    /// See [`Conversation::tenant_id`].
    pub tenant_id: TenantId,
    /// See [`Conversation::user_id`].
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// See [`Conversation::share_audience`]. Private by default.
    #[serde(default = "private")]
    pub share_audience: ShareAudience,
    /// See [`Conversation::tenant_access`]. View by default.
    #[serde(default = "view")]
    pub tenant_access: TenantAccess,
    /// See [`Conversation::authorization_model`]. Rbac by default.
    #[serde(default = "rbac")]
    pub authorization_model: AuthorizationModel,
    /// See [`Conversation::authorization_spec`]. An empty object by default.
    #[serde(default = "empty_object")]
    pub authorization_spec: Value,
    /// See [`Conversation::persona_id`].
    #[serde(default)]
    pub persona_id: Option<String>,
    /// See [`Conversation::jurisdictions`].
    #[serde(default)]
    pub jurisdictions: Vec<String>,
    /// See [`Conversation::title`].
    #[serde(default)]
    pub title: Option<String>,
    /// See [`Conversation::active_path_id`].
    #[serde(default)]
    pub active_path_id: Option<PathId>,
    /// See [`Conversation::trace`].
    #[serde(default)]
    pub trace: Trace,
}

impl NewConversation {
    /// A private conversation of this owner under rbac, with nothing else set.
    pub fn new(tenant_id: TenantId, user_id: Option<UserId>) -> Self {
        Self {
            tenant_id,
            user_id,
            share_audience: private(),
            tenant_access: view(),
            authorization_model: rbac(),
            authorization_spec: empty_object(),
            persona_id: None,
            jurisdictions: Vec::new(),
            title: None,
            active_path_id: None,
            trace: Trace::default(),
        }
    }
}

/// A message to be appended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewMessage {
    /// The tenant of the conversation.
    pub tenant_id: TenantId,
    /// See [`Message::conversation_id`].
    pub conversation_id: ConversationId,
    /// See [`Message::role`].
    pub role: MessageRole,
    /// See [`Message::content`].
    pub content: String,
    /// See [`Message::metadata`]. An empty object by default.
    #[serde(default = "empty_object")]
    pub metadata: Value,
    /// See [`Message::user_id`]. The right of this user to write is checked.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// See [`Message::trace`].
    #[serde(default)]
    pub trace: Trace,
}

impl NewMessage {
    /// A message without a user, with nothing else set.
    pub fn new(
        tenant_id: TenantId,
        conversation_id: ConversationId,
        role: MessageRole,
        content: impl Into<String>,
    ) -> Self {
        Self {
            tenant_id,
            conversation_id,
            role,
            content: content.into(),
            metadata: empty_object(),
            user_id: None,
            trace: Trace::default(),
        }
    }
}

/// A change of a conversation's sharing; `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SharingUpdate {
    /// See [`Conversation::share_audience`].
    #[serde(default)]
    pub share_audience: Option<ShareAudience>,
    /// See [`Conversation::tenant_access`].
    #[serde(default)]
    pub tenant_access: Option<TenantAccess>,
    /// See [`Conversation::authorization_model`].
    #[serde(default)]
    pub authorization_model: Option<AuthorizationModel>,
    /// See [`Conversation::authorization_spec`]; it is replaced as a whole.
    #[serde(default)]
    pub authorization_spec: Option<Value>,
}

/// Selects conversations for compaction. A conversation has to match every field that is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CompactionFilter {
    /// Of this tenant; `None` for those of all tenants.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// With at least this many messages that are not deleted.
    #[serde(default)]
    pub min_messages: u32,
    /// With no activity after this time; `None` for any.
    #[serde(default)]
    pub idle_since: Option<DateTime<Utc>>,
}

fn private() -> ShareAudience {
    ShareAudience::Private
}

fn view() -> TenantAccess {
    TenantAccess::View
}

fn rbac() -> AuthorizationModel {
    AuthorizationModel::Rbac
}

fn empty_object() -> Value {
    Value::Object(Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_missing_from_json_has_its_default() {
        let (tenant, conversation) = (TenantId::random(), ConversationId::random());
        let created: NewConversation = serde_json::from_value(serde_json::json!({ "tenant_id": tenant })).unwrap();
        assert_eq!(created, NewConversation::new(tenant, None));
        let json = serde_json::json!({
            "tenant_id": tenant, "conversation_id": conversation, "role": "user", "content": "hello",
        });
        let message: NewMessage = serde_json::from_value(json).unwrap();
        assert_eq!(message, NewMessage::new(tenant, conversation, MessageRole::User, "hello"));
        assert_eq!(serde_json::from_str::<SharingUpdate>("{}").unwrap(), SharingUpdate::default());
        assert_eq!(serde_json::from_str::<CompactionFilter>("{}").unwrap(), CompactionFilter::default());
    }
}
